"""C6: the extension takes and drops exactly the references it should.

Every call of the client is made some thousands of times, with arguments that are right and with
some that are refused. Afterwards nobody holds more of the arguments than before, and the
interpreter has about as many blocks of memory as after the warm-up.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import uuid
from collections.abc import Callable

import pytest

import msgq

CALLS = 4_000
SLACK_BLOCKS = 400  # caches, free lists: nothing that grows with the number of calls
BODY = b"body of a message, made once " * 4
HEADERS = {"trace": "one that is made once"}


def settle(queue: msgq.Queue, how: str) -> None:
    """Claim one message and end it; the queue is as before."""
    queue.enqueue(BODY, headers=HEADERS)
    (delivery,) = queue.claim(1)
    assert delivery.body == BODY
    getattr(delivery, how)()
    if how == "reject":
        queue.delete_dead()
    elif how == "retry":
        queue.claim(1)[0].ack()
    else:
        with contextlib.suppress(msgq.LeaseLostError):
            delivery.ack()


def refused(call: Callable[[], object]) -> None:
    """Make a call that must be refused."""
    with pytest.raises(msgq.MsgqError):
        call()


def send_many(queue: msgq.Queue) -> None:
    queue.enqueue_many([BODY] * 3)
    for delivery in queue.claim(3):
        delivery.ack()


def send_later(queue: msgq.Queue) -> None:
    queue.enqueue_later(BODY).wait(5)
    queue.claim(1)[0].ack()


def look(queue: msgq.Queue) -> None:
    queue.peek(5)
    queue.depth()


USES: dict[str, Callable[[msgq.Queue], object]] = {
    "ack": lambda q: settle(q, "ack"),
    "retry": lambda q: settle(q, "retry"),
    "reject": lambda q: settle(q, "reject"),
    "enqueue_many": send_many,
    "enqueue_later": send_later,
    "claim nothing": lambda q: q.claim(1),
    "look": look,
    "find nothing": lambda q: refused(lambda: q.find(uuid.UUID(int=1))),
    "a bad name": lambda q: refused(lambda: q._client.queue("")),
    "a bad body": lambda q: refused(lambda: q.enqueue(object())),
    "too long a body": lambda q: refused(lambda: q.enqueue(b"." * 3_000)),
    "bad headers": lambda q: refused(lambda: q.enqueue(BODY, headers={"a": object()})),
    "a bad delay": lambda q: refused(lambda: q.enqueue(BODY, delay=-1)),
}


@pytest.mark.parametrize("use", USES)
def test_c6_nothing_is_kept_and_nothing_dropped_twice(use: str) -> None:
    with msgq.connect("memory://", message_bytes_max=2_000) as client:
        queue = client.queue("work")
        queue.enqueue(BODY)  # the queue is there from here on
        queue.claim(1)[0].ack()
        call = USES[use]
        for _ in range(CALLS // 4):
            call(queue)
        gc.collect()
        counts = [sys.getrefcount(each) for each in (BODY, HEADERS, queue)]
        blocks = sys.getallocatedblocks()
        for _ in range(CALLS):
            call(queue)
        gc.collect()
        more = sys.getallocatedblocks() - blocks
        assert [sys.getrefcount(each) for each in (BODY, HEADERS, queue)] == counts
        assert more < SLACK_BLOCKS, f"{more} more blocks after {CALLS} calls"
