"""The options that several commands share, and the units people write them in."""

from typing import Annotated, Final

import typer

from msgq.duration import parse_duration, parse_size
from msgq.errors import ConfigError

JSON_KEY: Final = "msgq.json"


def duration(text: str) -> float:
    """Seconds from `250ms`, `10s`, `5m`, `2h` or a plain number of seconds."""
    try:
        return parse_duration(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def size(text: str) -> int:
    """Bytes from `200`, `64kB`, `1MiB`."""
    try:
        return parse_size(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def _remember_json(context: typer.Context, value: bool) -> bool:
    context.meta[JSON_KEY] = value
    return value


Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The store, such as sqlite:///shop.db, or the name of a transport. Otherwise "
        "MSGQ_URL, or as in msgq.toml.",
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON instead of text.", callback=_remember_json),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do it without asking. Needed where nobody can answer.")
]
QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="How many at most.")
]
After = Annotated[
    str, typer.Option("--after", metavar="CURSOR", help="Go on behind this: what `next` said.")
]
