"""`msgq bench`: how fast is msgq on your own store and machine?"""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from msgq.cli import condition
from msgq.cli.exit_codes import Exit
from msgq.cli.options import Json, Url, duration, size
from msgq.cli.output import human_count, note, print_json, print_table, print_text
from msgq.errors import ConfigError, NotFoundError

_PHASES: Final = ("send", "receive", "e2e")
_EXAMPLE = """Examples:

msgq bench --url sqlite:///try.db --messages 100000 --batch 1000

msgq bench --duration 30s --rate 10000 --fail-if "e2e.p99_ms > 20" --json > today.json

msgq bench --compare yesterday.json --fail-if "compare.receive < 0.9"
"""


def bench(
    *,
    messages: Annotated[
        int,
        typer.Option(
            "--messages", "-n", metavar="N", min=1, help="How many, unless --duration says."
        ),
    ] = 100_000,
    body: Annotated[
        int,
        typer.Option("--size", parser=size, metavar="SIZE", help="Bytes in a body; at least 16."),
    ] = 200,
    producers: Annotated[
        int, typer.Option("--producers", metavar="N", min=1, help="Threads that enqueue.")
    ] = 1,
    slots: Annotated[
        int, typer.Option("--consumers", metavar="N", min=0, help="Worker threads; 0: send only.")
    ] = 1,
    batch: Annotated[
        int,
        typer.Option("--batch", metavar="N", min=1, help="Messages in one enqueue; 1: one by one."),
    ] = 1000,
    rate: Annotated[
        float,
        typer.Option("--rate", metavar="N", min=0, help="Messages a second in all; 0: no limit."),
    ] = 0,
    for_seconds: Annotated[
        float | None,
        typer.Option("--duration", parser=duration, metavar="DURATION", help="Send for so long."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", metavar="FILE", help="An earlier report made with --json."),
    ] = None,
    fail_if: Annotated[
        str | None, typer.Option("--fail-if", metavar="EXPR", help="Exit 1 when this holds.")
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Measure send, receive and end-to-end rates and latencies on your own URL.

    It works in a queue of its own, which it removes at the end.
    """
    from msgq.cli.bench_run import Plan, run

    bound = condition.parse(fail_if) if fail_if else None
    earlier = _read_report(compare) if compare else None
    plan = Plan(
        messages=messages,
        size=max(body, 16),
        producers=producers,
        slots=slots,
        batch=batch,
        rate=rate,
        duration=for_seconds,
    )
    report = run(url, plan)
    if earlier is not None:
        report["compare"] = _ratios(report, earlier)
    failed = bound is not None and condition.holds(bound, report)
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if failed:
        note(f"msgq: --fail-if holds: {fail_if}")
        raise typer.Exit(Exit.FAILED)


def _read_report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text())
    except OSError as error:
        raise NotFoundError(f"--compare: cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict) or not _is_report(report):
        raise ConfigError(f"--compare: {path} is no report of `msgq bench --json`")
    return report


def _is_report(report: dict[str, Any]) -> bool:
    phases = [report[phase] for phase in _PHASES if phase in report]
    return "send" in report and all(
        isinstance(part, dict) and isinstance(part.get("rate"), int | float) for part in phases
    )


def _ratios(report: dict[str, Any], earlier: dict[str, Any]) -> dict[str, float]:
    """This run's rate over the earlier one's, for each phase that both have."""
    return {
        phase: round(report[phase]["rate"] / earlier[phase]["rate"], 4)
        for phase in _PHASES
        if phase in report and phase in earlier and earlier[phase]["rate"]
    }


def _print_report(report: dict[str, Any]) -> None:
    ratios = report.get("compare", {})
    columns = ["phase", "messages", "msg/s", "p50 ms", "p95 ms", "p99 ms", "max ms"]
    rows = []
    for phase in _PHASES:
        if phase not in report:
            continue
        part = report[phase]
        keys = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
        times = [f"{part[key]:.3f}" if key in part else "-" for key in keys]
        row = [phase, part["messages"], human_count(part["rate"]), *times]
        rows.append([*row, f"{ratios[phase]:.2f} x" if phase in ratios else "-"] if ratios else row)
    print_table([*columns, "against"] if ratios else columns, rows)
    print_text(
        "send: an enqueue call, from when it was due until it is durable; "
        "e2e: from then until the handler runs"
    )
    machine = report["machine"]
    print_text(
        f"{machine['cpus']} CPUs, Python {machine['python']}, msgq {machine['msgq']}, "
        f"disk flush {machine['flush_ms']:.2f} ms, {report['url']}"
    )


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command(epilog=_EXAMPLE)(bench)
