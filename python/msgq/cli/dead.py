"""`msgq dead`: what was given up on; look at it, send it again, or remove it."""

from typing import Annotated

import typer

from msgq.cli.exit_codes import Exit
from msgq.cli.options import After, Json, Limit, QueueName, Url, Yes
from msgq.cli.output import human_count, note, print_json, print_text
from msgq.cli.show import show_one, show_page
from msgq.cli.store import confirmed, existing, opened
from msgq.errors import ConfigError, NotFoundError

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Which; or all of them with --all.")
]
All = Annotated[bool, typer.Option("--all", help="Every dead letter of the queue.")]

group = typer.Typer(no_args_is_help=True)


@group.callback()
def dead() -> None:
    """Dead letters: messages that were given up on."""


@group.command("list", epilog="Example: msgq dead list emails --limit 10")
def list_dead(
    queue: Annotated[
        str | None, typer.Argument(metavar="[QUEUE]", help="All queues when left out.")
    ] = None,
    limit: Limit = 50,
    after: After = "",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List dead letters with their reasons, newest last."""
    with opened(url) as client:
        source = client if queue is None else existing(client, queue)
        page = source.dead(limit, after=after)
    show_page(page, limit, as_json, is_dead=True)


@group.command(epilog="Example: msgq dead show emails 0198c0de-...")
def show(
    queue: QueueName,
    message_id: Annotated[str, typer.Argument(metavar="ID", help="Of the message.")],
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter whole: body, headers, reason, every attempt."""
    with opened(url) as client:
        found = existing(client, queue).find(message_id)
    if found.state != "dead":
        raise NotFoundError(f"no dead letter {message_id} in queue {queue!r}")
    show_one(found, as_json)


@group.command(epilog="Example: msgq dead retry emails --all --yes")
def retry(
    queue: QueueName,
    ids: Ids = None,
    *,
    everything: All = False,
    yes: Yes = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send dead letters again, with fresh counts."""
    with opened(url) as client:
        handle = existing(client, queue)
        _choose(ids, everything, f"Send every dead letter of {queue!r} again?", yes)
        count = handle.redrive(*(ids or ()))
    _report(queue, "sent again", count, ids, as_json)


@group.command(epilog="Example: msgq dead delete emails 0198c0de-...")
def delete(
    queue: QueueName,
    ids: Ids = None,
    *,
    everything: All = False,
    yes: Yes = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Remove dead letters for good."""
    with opened(url) as client:
        handle = existing(client, queue)
        _choose(ids, everything, f"Remove every dead letter of {queue!r} for good?", yes)
        count = handle.delete_dead(*(ids or ()))
    _report(queue, "removed", count, ids, as_json)


def _choose(ids: list[str] | None, everything: bool, question: str, yes: bool) -> None:
    """Refuses to guess: either ids, or --all with a yes."""
    if bool(ids) == everything:
        raise ConfigError("name the ids of dead letters, or --all for every one of the queue")
    if everything:
        confirmed(question, yes)


def _report(queue: str, verb: str, count: int, ids: list[str] | None, as_json: bool) -> None:
    missing = len(ids) - count if ids else 0
    if as_json:
        print_json({"queue": queue, verb.replace(" ", "_"): count, "missing": missing})
    else:
        print_text(f"{human_count(count)} dead letters of {queue} {verb}")
    if missing:
        note(f"msgq: {missing} of the ids are no dead letters of {queue}")
        raise typer.Exit(Exit.NOT_FOUND)


def register(app: typer.Typer) -> None:
    """Adds the group to `app`."""
    app.add_typer(group, name="dead")
