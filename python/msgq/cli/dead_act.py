"""`msgq dead retry`, `delete` and `purge`: dead letters sent again, or removed for good."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

import msgq
from msgq.cli.dead_each import ask_each
from msgq.cli.dead_filter import AtMost, Criteria, QueueOrAll, filtered, is_said, of, selected
from msgq.cli.exit_codes import Exit
from msgq.cli.options import Json, QueueName, Url, Yes
from msgq.cli.output import human_count, note, print_json, print_text
from msgq.cli.progress import progress
from msgq.cli.store import confirmed, existing, opened
from msgq.dead import DeadLetters, DeadResult
from msgq.errors import ConfigError, MsgqError

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Which; or say it by options, or all with --all."),
]
All = Annotated[bool, typer.Option("--all", help="Every dead letter.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many it would be.")]
Rate = Annotated[
    float, typer.Option("--rate", metavar="N", min=0, help="Messages a second; 0: no limit.")
]
Each = Annotated[bool, typer.Option("--each", help="Show each and ask what to do with it.")]
SENT = "sent again"
REMOVED = "removed"


@filtered
def retry(
    queue: QueueOrAll = None,
    ids: Ids = None,
    *,
    everything: All = False,
    each: Each = False,
    rate: Rate = 0,
    limit: AtMost = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    criteria: Criteria,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send dead letters again, with fresh counts, in the order of their deaths."""
    if each:
        if ids or rate or dry_run or yes or as_json:
            raise ConfigError("--each asks about every one; it goes with options that choose only")
        with opened(url) as client:
            ask_each(selected(client, queue, criteria, limit))
        return
    _check(ids, everything, criteria)
    with opened(url) as client:
        if ids and queue is not None:
            handle = existing(client, queue)
            _act_on(handle, ids, SENT, handle.redrive, dry_run=dry_run, as_json=as_json)
            return
        letters = selected(client, queue, criteria, limit)
        _act(letters, SENT, lambda show: letters.redrive(rate=rate, progress=show),
             dry_run=dry_run, yes=yes, as_json=as_json)  # fmt: skip


@filtered
def delete(
    queue: QueueOrAll = None,
    ids: Ids = None,
    *,
    everything: All = False,
    limit: AtMost = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    criteria: Criteria,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Remove dead letters for good."""
    _check(ids, everything, criteria)
    with opened(url) as client:
        if ids and queue is not None:
            handle = existing(client, queue)
            _act_on(handle, ids, REMOVED, handle.delete_dead, dry_run=dry_run, as_json=as_json)
            return
        letters = selected(client, queue, criteria, limit)
        _act(letters, REMOVED, lambda show: letters.delete(progress=show),
             dry_run=dry_run, yes=yes, as_json=as_json)  # fmt: skip


def purge(queue: QueueName, yes: Yes = False, url: Url = None, as_json: Json = False) -> None:
    """Remove every dead letter of a queue. What waits stays."""
    with opened(url) as client:
        letters = selected(client, queue, {})
        _act(letters, REMOVED, lambda show: letters.delete(progress=show),
             dry_run=False, yes=yes, as_json=as_json)  # fmt: skip


def _check(ids: list[str] | None, everything: bool, criteria: Criteria) -> None:
    """Refuses to guess: ids, or criteria, or --all."""
    if sum((bool(ids), is_said(criteria), everything)) != 1:
        raise ConfigError(
            "name the ids of dead letters, or options that choose them, or --all for every one"
        )


def _present(handle: msgq.Queue, ids: list[str]) -> int:
    """How many of the ids are dead letters."""
    count = 0
    for each in dict.fromkeys(ids):
        try:
            count += handle.find(each).state == "dead"
        except msgq.NotFoundError:  # noqa: PERF203
            continue
    return count


def _act(
    letters: DeadLetters, verb: str, run: Callable[[Callable[[int], None]], DeadResult], *,
    dry_run: bool, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Asks, does it with a bar, and says what became of them."""
    queue = letters.criteria.queue
    if dry_run:
        _report(queue, verb, letters.count(), as_json=as_json, dry_run=True)
        return
    if not yes:
        count = human_count(letters.count())
        question = "Send {} dead letters of {} again?" if verb is SENT else (
            "Remove {} dead letters of {} for good?"
        )  # fmt: skip
        confirmed(question.format(count, of(queue)), yes)
    with progress(verb, not as_json) as bar, _told_when_cut(verb, bar) as show:
        result = run(show)
    _report(queue, verb, result.done, result.gone, as_json=as_json)


@contextmanager
def _told_when_cut(verb: str, bar: Callable[[int], None]) -> Iterator[Callable[[int], None]]:
    """Says how far it came when something ends it early."""
    counts = [0]

    def advance(count: int) -> None:
        counts.append(count)
        del counts[0]
        bar(count)

    try:
        yield advance
    except (MsgqError, KeyboardInterrupt):
        note(f"msgq: {human_count(counts[0])} were {verb}; the others are dead letters as before")
        raise


def _report(
    queue: str | None, verb: str, count: int, missing: int = 0, *,
    as_json: bool, dry_run: bool = False,
) -> None:  # fmt: skip
    if as_json:
        key = verb.replace(" ", "_")
        print_json(
            {"queue": queue, key: count, "missing": missing}
            if not dry_run
            else {"queue": queue, "dry_run": True, key: count, "missing": missing}
        )
        return
    would = "would be " if dry_run else ""
    print_text(f"{human_count(count)} dead letters of {of(queue)} {would}{verb}")


def _act_on(
    handle: msgq.Queue, ids: list[str], verb: str, run: Callable[..., int], *,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Does it to those that are named, without asking, and says which were not there."""
    count = _present(handle, ids) if dry_run else run(*ids)
    missing = max(0, len(set(ids)) - count)
    _report(handle.name, verb, count, missing, as_json=as_json, dry_run=dry_run)
    if missing:
        note(f"msgq: {missing} of the ids are no dead letters of {handle.name}")
        raise typer.Exit(Exit.NOT_FOUND)


def register(group: typer.Typer) -> None:
    """Adds the commands to `msgq dead`."""
    group.command(epilog=_RETRY)(retry)
    group.command(epilog=_DELETE)(delete)
    group.command(epilog="Example: msgq dead purge emails --yes")(purge)


_RETRY = """Examples:

msgq dead retry emails 0198c0de-...

msgq dead retry emails --error ConnectionError --rate 10 --yes

msgq dead retry --all --dry-run
"""
_DELETE = """Examples:

msgq dead delete emails 0198c0de-...

msgq dead delete --until 30d --yes
"""
