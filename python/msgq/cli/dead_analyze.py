"""`msgq dead analyze`: what dead letters have in common."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from msgq.cli import condition
from msgq.cli.dead_filter import AtMost, Criteria, QueueOrAll, filtered, of, selected
from msgq.cli.exit_codes import Exit
from msgq.cli.options import Json, Url
from msgq.cli.output import human_count, note, print_json, print_table, print_text
from msgq.cli.store import opened, when
from msgq.dead_analysis import DeadAnalysis

ROWS = 20


@filtered
def analyze(
    queue: QueueOrAll = None,
    *,
    limit: AtMost = None,
    fail_if: Annotated[
        str | None,
        typer.Option(
            "--fail-if",
            metavar="EXPR",
            help="Exit 1 when this holds of count, share, mean_attempts or groups.",
        ),
    ] = None,
    criteria: Criteria,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Count dead letters by error, handler and hour, and find groups of three or more alike."""
    bound = condition.parse(fail_if) if fail_if else None
    with opened(url) as client:
        found = selected(client, queue, criteria, limit).analyze()
    if as_json:
        print_json(_record(queue, found))
    else:
        _print(queue, found)
    figures = {"count": found.count, "share": found.share, "mean_attempts": found.mean_attempts,
               "groups": len(found.groups)}  # fmt: skip
    if bound is not None and condition.holds(bound, figures):
        note(f"msgq: --fail-if holds: {fail_if}")
        raise typer.Exit(Exit.FAILED)


def _record(queue: str | None, found: DeadAnalysis) -> dict[str, Any]:
    record = {"queue": queue, **asdict(found)}
    record |= {"mean_attempts": round(found.mean_attempts, 3), "share": round(found.share, 6)}
    for each in (record, *record["groups"]):
        each |= {"first_at": when(each["first_at"]), "last_at": when(each["last_at"])}
    return record


def _print(queue: str | None, found: DeadAnalysis) -> None:
    print_text(
        f"{human_count(found.count)} dead letters of {of(queue)}, "
        f"{found.share:.1%} of what ended; {found.mean_attempts:.1f} attempts in the mean"
    )
    if not found.count:
        return
    print_text(f"first {when(found.first_at)}, last {when(found.last_at)}")
    for title, counts in (
        ("error", found.by_error), ("handler", found.by_handler), ("queue", found.by_queue),
    ):  # fmt: skip
        _print_counts(title, list(counts.items())[:ROWS], len(counts))
    _print_counts("hour (UTC)", list(found.by_hour.items())[-ROWS:], len(found.by_hour))
    if found.groups:
        print_text()
        rows = [
            [g.count, g.queue, g.handler, g.error, g.reason, g.example] for g in found.groups[:ROWS]
        ]
        columns = ["count", "queue", "handler", "error", "reason", "example"]
        print_table(columns, rows, "three or more alike")


def _print_counts(title: str, rows: list[tuple[str, int]], count: int) -> None:
    print_text()
    print_table([title, "count"], rows)
    if count > len(rows):
        print_text(f"({human_count(count - len(rows))} more; --json has all)")


def register(group: typer.Typer) -> None:
    """Adds the command to `msgq dead`."""
    group.command(epilog=_EXAMPLE)(analyze)


_EXAMPLE = """Examples:

msgq dead analyze emails --since 24h

msgq dead analyze --fail-if "share > 0.05"
"""
