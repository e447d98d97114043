"""`msgq queue`: what is set of a queue, for all processes."""

import typer

from msgq.cli.options import Json, QueueName, Url
from msgq.cli.output import print_json, print_text
from msgq.cli.store import existing, opened

group = typer.Typer(no_args_is_help=True)


@group.callback()
def queue() -> None:
    """One queue: pause it, resume it."""


@group.command(epilog="Example: msgq queue pause emails")
def pause(queue: QueueName, url: Url = None, as_json: Json = False) -> None:
    """Give no message out any more, in any process. Messages still come in; what runs finishes."""
    with opened(url) as client:
        existing(client, queue).pause()
    _report(queue, True, as_json)


@group.command(epilog="Example: msgq queue resume emails")
def resume(queue: QueueName, url: Url = None, as_json: Json = False) -> None:
    """Give messages out again."""
    with opened(url) as client:
        existing(client, queue).resume()
    _report(queue, False, as_json)


def _report(queue: str, is_paused: bool, as_json: bool) -> None:
    if as_json:
        print_json({"queue": queue, "is_paused": is_paused})
    else:
        print_text(f"queue {queue} {'paused' if is_paused else 'resumed'}")


def register(app: typer.Typer) -> None:
    """Adds the group to `app`."""
    app.add_typer(group, name="queue")
