"""Claims more than one message: a claim may give fewer than it asks for, so it is asked again."""

from __future__ import annotations

import pytest

import msgq
from tests.contract.stores import Store

SECONDS = 20.0


def take(queue: msgq.Queue, count: int, lease: str | None = None) -> list[msgq.Delivery]:
    """Gives so many deliveries, in the order they were claimed in."""
    found: list[msgq.Delivery] = []
    while len(found) < count:
        more = queue.claim(count - len(found), wait=SECONDS, lease=lease)
        assert more, f"only {len(found)} of {count} messages came"
        found += more
    return found


def take_rest(queue: msgq.Queue) -> list[msgq.Delivery]:
    """Gives all that waits."""
    found: list[msgq.Delivery] = []
    while left := queue.depth().waiting:
        found += queue.claim(left, wait=SECONDS)
    return found


def keyed_queue(store: Store, app: msgq.App, name: str) -> msgq.Queue | None:
    """Gives the queue where its messages may have keys; None where just that was seen refused."""
    queue = app.queue(name)
    if store.can("has_keys"):
        return queue
    for call in (queue.enqueue, queue.enqueue_later):
        with pytest.raises(msgq.UnsupportedError, match=app.transport):
            call(b"x", key="session-1")
    with pytest.raises(msgq.UnsupportedError, match=app.transport):
        queue.enqueue_many([b"x", b"y"], key=["session-1", None])
    assert queue.depth().sent == 0
    return None
