"""`msgq purge`, `msgq delete-queue`, `msgq backup`: what changes a queue or copies the store."""

from pathlib import Path
from typing import Annotated

import typer

from msgq.cli.options import Json, QueueName, Url, Yes
from msgq.cli.output import human_bytes, human_count, print_json, print_text
from msgq.cli.store import confirmed, existing, opened
from msgq.errors import ConfigError


def purge(queue: QueueName, yes: Yes = False, url: Url = None, as_json: Json = False) -> None:
    """Remove every waiting and parked message of a queue. Dead letters stay."""
    with opened(url) as client:
        handle = existing(client, queue)
        confirmed(f"Remove every waiting and parked message of {queue!r}?", yes)
        count = handle.purge()
    if as_json:
        print_json({"queue": queue, "purged": count})
    else:
        print_text(f"{human_count(count)} messages purged from {queue}")


def delete_queue(
    queue: QueueName, yes: Yes = False, url: Url = None, as_json: Json = False
) -> None:
    """Remove a queue with everything it holds, dead letters included."""
    with opened(url) as client:
        handle = existing(client, queue)
        confirmed(f"Remove the queue {queue!r} with all its messages and dead letters?", yes)
        handle.delete()
    if as_json:
        print_json({"queue": queue, "deleted": True})
    else:
        print_text(f"queue {queue} deleted")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that does not exist yet.")],
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Copy the store to a new file while producers and workers go on."""
    if file.exists():
        raise ConfigError(f"{file} exists; a backup never overwrites, name a new file")
    with opened(url) as client:
        client.backup(str(file))
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        print_text(f"{human_bytes(size)} copied to {file}; use it with --url sqlite:///{file}")


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command(epilog="Example: msgq purge emails --yes")(purge)
    app.command("delete-queue", epilog="Example: msgq delete-queue emails --yes")(delete_queue)
    app.command(epilog="Example: msgq backup shop-2030-01-31.db")(backup)
