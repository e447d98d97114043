"""`msgq dead`: what was given up on; look at it here, act on it in the files beside this one."""

import uuid
from typing import Annotated

import typer

import msgq
from msgq.cli import dead_act, dead_analyze, dead_files
from msgq.cli.dead_filter import Criteria, QueueOrAll, filtered, of, selected
from msgq.cli.options import After, Json, Limit, Url
from msgq.cli.output import human_count, print_json, print_text
from msgq.cli.show import show_one, show_page
from msgq.cli.store import existing, opened
from msgq.errors import ConfigError, NotFoundError
from msgq.message import Message

group = typer.Typer(no_args_is_help=True)


@group.callback()
def dead() -> None:
    """Dead letters: messages that were given up on."""


@group.command("list", epilog="Example: msgq dead list emails --error ValueError --since 2h")
@filtered
def list_dead(
    queue: QueueOrAll = None,
    *,
    limit: Limit = 50,
    after: After = "",
    criteria: Criteria,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List dead letters with their reasons, newest last."""
    with opened(url) as client:
        page = list(selected(client, queue, {**criteria, "after": after}, limit))
    show_page(page, limit, as_json, is_dead=True)


@group.command(epilog="Example: msgq dead count emails --text timeout")
@filtered
def count(
    queue: QueueOrAll = None, *, criteria: Criteria, url: Url = None, as_json: Json = False
) -> None:
    """Count dead letters."""
    with opened(url) as client:
        found = selected(client, queue, criteria).count()
    if as_json:
        print_json({"queue": queue, "dead": found})
    else:
        print_text(f"{human_count(found)} dead letters of {of(queue)}")


@group.command(epilog="Example: msgq dead show emails 0198c0de-...")
def show(
    target: Annotated[str, typer.Argument(metavar="QUEUE|ID", help="Its queue; or its id alone.")],
    message_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Of the message, behind its queue.")
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter whole: body, headers, reason, every attempt."""
    with opened(url) as client:
        found = _find(client, target) if message_id is None else None
        if message_id is not None:
            found = existing(client, target).find(message_id)
    if found is None or found.state != "dead":
        where = "" if message_id is None else f" in queue {target!r}"
        raise NotFoundError(f"no dead letter {message_id or target}{where}")
    show_one(found, as_json)


def _find(client: msgq.Client, key: str) -> Message | None:
    """The dead letter of that id, whichever queue and transport it is of."""
    try:
        uuid.UUID(key)
    except ValueError:
        raise ConfigError(
            f"{key!r:.60} is no message id (a UUID); give one behind a queue"
        ) from None
    every = (each for name in client.transports for each in client.at(name)._own_queues())
    for queue in every:
        try:
            found = queue.find(key)
        except NotFoundError:
            continue
        if found.state == "dead":
            return found
    return None


def register(app: typer.Typer) -> None:
    """Adds the group to `app`."""
    for part in (dead_act, dead_files, dead_analyze):
        part.register(group)
    app.add_typer(group, name="dead")
