"""`msgq queue`: what is set of a queue, for all processes."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

import msgq
from msgq.cli.options import Json, QueueName, Url, duration
from msgq.cli.output import human_seconds, print_json, print_text
from msgq.cli.store import existing, opened
from msgq.errors import ConfigError
from msgq.queue_settings import QueueSettings

MaxLength = Annotated[
    str | None,
    typer.Option(
        "--max-length", metavar="N", help="Messages that it holds at most; none: any number."
    ),
]
Overflow = Annotated[
    str | None,
    typer.Option(
        "--overflow",
        metavar="POLICY",
        help="What becomes of more: block, raise, drop_newest or drop_oldest.",
    ),
]
OverflowWait = Annotated[
    float | None,
    typer.Option(
        "--overflow-wait", parser=duration, metavar="DURATION", help="How long block blocks."
    ),
]

Topic = Annotated[
    bool | None,
    typer.Option("--topic/--no-topic", help="What is sent goes to its subscriptions alone."),
]
Retention = Annotated[
    float | None,
    typer.Option(
        "--retention",
        parser=duration,
        metavar="DURATION",
        help="For so long its subscriptions can go back to a message.",
    ),
]

group = typer.Typer(no_args_is_help=True)


@group.callback()
def queue() -> None:
    """One queue: pause, resume or rename it, show and change what is set of it."""


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


@group.command(epilog="Example: msgq queue show emails")
def show(queue: QueueName, url: Url = None, as_json: Json = False) -> None:
    """Show what is set of the queue."""
    with opened(url) as client:
        _show(existing(client, queue), as_json)


@group.command(epilog="Example: msgq queue alter emails --max-length 100000 --overflow raise")
def alter(
    queue: QueueName,
    *,
    max_length: MaxLength = None,
    overflow: Overflow = None,
    overflow_wait: OverflowWait = None,
    topic: Topic = None,
    retention: Retention = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make the queue where it is not there yet.")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Change what is set of the queue. Every process sees it within a second."""
    given = {
        "overflow": overflow,
        "overflow_wait": overflow_wait,
        "topic": topic,
        "retention": retention,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if max_length is not None:
        changes["max_length"] = _number(max_length)
    with opened(url) as client:
        if create:
            client.queue(queue).create(**changes)
        else:
            existing(client, queue).alter(**changes)
        _show(existing(client, queue), as_json)


@group.command(epilog="Example: msgq queue drain emails --timeout 10m")
def drain(
    queue: QueueName,
    *,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", parser=duration, metavar="DURATION", help="Otherwise for ever."),
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Wait until nothing of the queue waits, is parked or leased."""
    with opened(url) as client:
        existing(client, queue).drain(timeout)
    if as_json:
        print_json({"queue": queue, "drained": True})
    else:
        print_text(f"queue {queue} drained")


@group.command(epilog="Example: msgq queue rename emails mails")
def rename(
    queue: QueueName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that no queue has.")],
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Give the queue another name, with all it holds and its subscriptions."""
    with opened(url) as client:
        existing(client, queue).rename(name)
    if as_json:
        print_json({"queue": name, "renamed_from": queue})
    else:
        print_text(f"queue {queue} is {name} from now on")


def _number(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"--max-length is a number of messages or none, not {text!r}") from None


def _show(queue: msgq.Queue, as_json: bool) -> None:
    found = queue.settings()
    if as_json:
        print_json({"queue": queue.name, **asdict(found)})
        return
    print_text(f"queue {queue.name}{' (paused)' if found.is_paused else ''}")
    print_text(f"max length: {'any' if found.max_length is None else found.max_length}")
    if found.max_length is not None:
        waits = f", for up to {human_seconds(found.overflow_wait)}"
        print_text(f"overflow: {found.overflow}{waits if found.overflow == 'block' else ''}")
    _show_log(found)


def _show_log(found: QueueSettings) -> None:
    if found.topic:
        print_text("topic: what is sent goes to its subscriptions alone")
    if found.retention:
        print_text(f"retention: {human_seconds(found.retention)}")


def _report(queue: str, is_paused: bool, as_json: bool) -> None:
    if as_json:
        print_json({"queue": queue, "is_paused": is_paused})
    else:
        print_text(f"queue {queue} {'paused' if is_paused else 'resumed'}")


def register(app: typer.Typer) -> None:
    """Adds the group to `app`."""
    app.add_typer(group, name="queue")
