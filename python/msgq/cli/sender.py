"""Hands bodies to a queue or to a handler; what `msgq enqueue` sends through. One thread."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import msgq
from msgq.cli import target
from msgq.cli.store import of_app, opened
from msgq.errors import ConfigError
from msgq.handler import Handler


class Sent(NamedTuple):
    """Of a batch: the first and the last id, and how many were there already."""

    first_id: str
    last_id: str
    duplicates: int


def _sent(receipt: msgq.BatchReceipt) -> Sent:
    return Sent(str(receipt[0].id), str(receipt[-1].id), receipt.counts().get("duplicate", 0))


class Sender(Protocol):
    """Sends a batch; durable when it returns."""

    def send(self, batch: Sequence[Any]) -> Sent:
        """Sends them as one call."""


class QueueSender:
    """To a queue: any JSON value, or bytes."""

    def __init__(self, queue: msgq.Queue, stamps: dict[str, Any]) -> None:
        self._queue = queue
        self._stamps = stamps

    def send(self, batch: Sequence[Any]) -> Sent:
        """Enqueues the batch as one call."""
        if len(batch) == 1:
            one = self._queue.enqueue(batch[0], **self._stamps)
            return Sent(str(one.id), str(one.id), int(one.status == "duplicate"))
        return _sent(self._queue.enqueue_many(batch, **self._stamps))


class HandlerSender:
    """To a handler: each body holds its arguments, checked against the signature."""

    def __init__(self, handler: Any, stamps: dict[str, Any]) -> None:
        given = {name: value for name, value in stamps.items() if value is not None}
        self._handler = handler
        self._sending = handler.using(**given) if given else handler

    def send(self, batch: Sequence[Any]) -> Sent:
        """Enqueues the batch as one call."""
        return _sent(self._sending.enqueue_many([self._arguments(body) for body in batch]))

    def _arguments(self, body: Any) -> Any:
        """The arguments rebuilt by annotation, as a worker would see them."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._handler._plan.unpack_slow(raw)


@contextmanager
def open_sender(
    name: str,
    url: str | None,
    *,
    is_queue: bool,
    stamps: dict[str, Any],
) -> Iterator[Sender]:
    """A sender for QUEUE, or for MODULE:HANDLER with the app that the handler belongs to."""
    if is_queue or ":" not in name:
        with opened(url, makes=True) as client:
            yield QueueSender(client.queue(name), stamps)
        return
    handler = target.load(name, "a handler")
    if not isinstance(handler, Handler):
        raise ConfigError(
            f"{name!r} is a {type(handler).__name__}, no handler; for a queue of that name: --queue"
        )
    with of_app(handler._client, url):
        yield HandlerSender(handler, stamps)
