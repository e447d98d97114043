"""`msgq cancel`, `reschedule`, `hold`, `release`: parked messages, by their ids."""

from collections.abc import Sequence
from typing import Annotated

import typer

from msgq.cli.options import Json, QueueName, Url, duration
from msgq.cli.output import note, print_json, print_text
from msgq.cli.store import existing, opened

Ids = Annotated[
    list[str], typer.Argument(metavar="ID...", help="As enqueue and msgq messages print them.")
]


def cancel(queue: QueueName, ids: Ids, url: Url = None, as_json: Json = False) -> None:
    """Call messages off that are delayed, or wait to be tried again."""
    with opened(url) as client:
        count = existing(client, queue).cancel(*ids)
    _report(queue, ids, "cancelled", count, as_json)


def reschedule(
    queue: QueueName,
    ids: Ids,
    delay: Annotated[
        float,
        typer.Option("--delay", parser=duration, metavar="DURATION", help="From now; 0s: at once."),
    ],
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Give messages another due time that are delayed, or wait to be tried again."""
    with opened(url) as client:
        count = existing(client, queue).reschedule(*ids, delay=delay)
    _report(queue, ids, "rescheduled", count, as_json)


def hold(queue: QueueName, ids: Ids, url: Url = None, as_json: Json = False) -> None:
    """Keep messages back that are delayed, or wait to be tried again, until they are released."""
    with opened(url) as client:
        count = existing(client, queue).hold(*ids)
    _report(queue, ids, "held", count, as_json)


def release(queue: QueueName, ids: Ids, url: Url = None, as_json: Json = False) -> None:
    """Let messages that are held come due at once."""
    with opened(url) as client:
        count = existing(client, queue).release(*ids)
    _report(queue, ids, "released", count, as_json)


def _report(queue: str, ids: Sequence[str], done: str, count: int, as_json: bool) -> None:
    if as_json:
        print_json({"queue": queue, done: count, "passed_over": len(ids) - count})
        return
    print_text(f"{count} of {len(ids)} {done}")
    if count < len(ids):
        what = "held" if done == "released" else "parked"
        note(f"the others are not {what}, or no longer: they wait to be run, run, or have ended")


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command(epilog="Example: msgq cancel emails 019dd3f0-5cf9-7000-8000-000000000000")(cancel)
    app.command(epilog="Example: msgq hold emails 019dd3f0-5cf9-7000-8000-000000000000")(hold)
    app.command(epilog="Example: msgq release emails 019dd3f0-5cf9-7000-8000-000000000000")(release)
    app.command(
        epilog="Example: msgq reschedule emails 019dd3f0-5cf9-7000-8000-000000000000 --delay 1h"
    )(reschedule)
