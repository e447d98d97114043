"""Opens the store a command works on, and says in which words its messages are shown."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import typer

import msgq
from msgq._url import StoreUrl
from msgq.cli.exit_codes import Exit
from msgq.cli.output import note
from msgq.errors import ConfigError, NotFoundError
from msgq.message import Message, from_ms

ClientT = TypeVar("ClientT", bound=msgq.Client)


@contextmanager
def opened(url: str | None, *, makes: bool = False) -> Iterator[msgq.Client]:
    """The client for `url` (or what the settings say, of all their transports), closed at the end.

    Raises NotFoundError where there is no store yet, unless it `makes` one: looking makes none.
    """
    client = msgq.Client(url)
    if not makes:
        for name, store in client.config.urls.items():
            _require_there(store, "" if len(client.transports) == 1 else f" (transport {name!r})")
        if any(each.scheme == "postgresql" for each in client.config.urls.values()):
            client.configure(create_schema=False)
    with client.open():
        yield client


def _require_there(store: StoreUrl, where: str) -> None:
    if store.scheme == "sqlite" and not Path(store.path).exists():
        raise NotFoundError(
            f"no store at {store.path}; the first enqueue, or a worker, makes one there{where}"
        )


def of_app(client: ClientT, url: str | None) -> ClientT:
    """The client (or app) of a program, moved to `url` when one was given on the command line."""
    if url is not None:
        client.configure(url=url)
    return client


def existing(client: msgq.Client, name: str) -> msgq.Queue:
    """The queue of that name, where it lives or else where there is one.

    Raises NotFoundError when there is none: looking makes no queue.
    """
    home = client.queue(name).transport
    for transport in sorted(client.transports, key=lambda each: each != home):
        for queue in client.at(transport)._own_queues():
            if queue.name == name:
                return queue
    known = ", ".join(client.queues()[:10]) or "none yet"
    raise NotFoundError(f"no queue named {name!r}; there are: {known}")


def dead_letter(client: msgq.Client, target: str, message_id: str | None) -> Message:
    """The dead letter of that id, of the queue `target`; or of the id `target`, wherever it is."""
    if message_id is None:
        found = _find(client, target)
    else:
        found = existing(client, target).find(message_id)
    if found is None or found.state != "dead":
        where = "" if message_id is None else f" in queue {target!r}"
        raise NotFoundError(f"no dead letter {message_id or target}{where}")
    return found


def _find(client: msgq.Client, key: str) -> Message | None:
    """The dead letter of that id, whichever queue and transport it is of."""
    try:
        uuid.UUID(key)
    except ValueError:
        raise ConfigError(
            f"{key!r:.60} is no message id (a UUID); give one behind a queue"
        ) from None
    for queue in (each for name in client.transports for each in client.at(name)._own_queues()):
        try:
            found = queue.find(key)
        except NotFoundError:
            continue
        if found.state == "dead":
            return found
    return None


def confirmed(question: str, yes: bool) -> None:
    """Asks on a terminal. Raises Exit(FAILED) on a no, Exit(USAGE) where nobody can answer."""
    if yes:
        return
    if not has_terminal():
        note(f"msgq: {question} Nobody can answer here. Next: add --yes.")
        raise typer.Exit(Exit.USAGE)
    if not typer.confirm(question, err=True):
        note("msgq: nothing done")
        raise typer.Exit(Exit.FAILED)


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return typer.get_text_stream("stdin").isatty() and typer.get_text_stream("stderr").isatty()


def as_record(found: Message) -> dict[str, object]:
    """A found message as plain data for `--json`: the body decoded where it can be."""
    record: dict[str, object] = {
        "queue": found.queue,
        "state": found.state,
        "id": str(found.id),
        "handler": found.handler or None,
        "content": found.content,
        "headers": found.headers,
        "bytes": len(found.body),
        "deliveries": found.deliveries,
        "failures": found.failures,
        "crashes": found.crashes,
        "priority": found.priority,
        "key": found.key,
        "dedup": found.dedup,
        "enqueued": when(found.enqueued_at),
        "expires": when(found.expires_at),
        "due": when(found.due_at),
        "changed": when(found.changed_at),
        "reason": found.reason or None,
        "error": found.error or None,
        "history": [_dated(attempt) for attempt in found.history],
    }
    try:
        record["body"] = found.body.decode()
    except UnicodeDecodeError:
        record["body_hex"] = found.body.hex()
    return record


def _dated(attempt: dict[str, Any]) -> dict[str, Any]:
    """An attempt with its time as people read it."""
    at = attempt.get("at")
    return {**attempt, "at": when(from_ms(at))} if isinstance(at, int) else attempt


def when(moment: datetime | None) -> str | None:
    """A moment as ISO 8601 with milliseconds, in UTC."""
    return moment.isoformat(timespec="milliseconds") if moment else None
