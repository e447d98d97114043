"""SA1 to SA6, SA13, SA14, SA20: what becomes of a message between send and completion."""

from __future__ import annotations

import contextlib
import threading

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import take
from tests.contract.conftest import MakeApp

SECONDS = 20.0
THRICE = msgq.RetryPolicy(max_attempts=3, base=0, jitter=0)


def test_sa1_send_succeeds_with_an_id(queue: msgq.Queue) -> None:
    """Send succeeds with an id, message then receivable: unique non-empty id, exact content."""
    bodies = [b"", bytes(range(256)), b"\n\0", b"x" * 100_000]
    receipts = [queue.enqueue(body) for body in bodies]
    assert {each.status for each in receipts} == {"persisted"}
    assert len({each.id for each in receipts}) == len(bodies)
    assert all(each.id.int for each in receipts)
    found = take(queue, len(bodies))
    assert [(each.id, each.body) for each in found] == [
        (receipt.id, body) for receipt, body in zip(receipts, bodies, strict=True)
    ]


def test_sa2_send_to_a_missing_queue_fails(make_app: MakeApp, name: str) -> None:
    """Send to a missing queue fails as QueueNotFound: name in error, no side effect.

    msgq makes a queue with its first message, unless strict_queues says otherwise.
    """
    strict = make_app(strict_queues=True)
    for send in (strict.queue(name).enqueue, strict.queue(name).enqueue_many):
        with pytest.raises(msgq.NotFoundError, match=name):
            send([1])
    assert name not in strict.queues()
    make_app().queue(name).enqueue(b"x")


def test_sa3_receive_returns_payload_and_a_valid_receipt(
    queue: msgq.Queue, other: msgq.App, name: str
) -> None:
    """Receive returns payload and valid receipt; the visibility timer starts at once."""
    receipt = queue.enqueue(b"payload")
    (delivery,) = queue.claim(1, wait=SECONDS)
    assert (delivery.id, delivery.body) == (receipt.id, b"payload")
    assert other.queue(name).claim(1) == []
    assert queue.depth().leased == 1
    assert queue.find(receipt.id).state == "leased"
    delivery.ack()
    assert queue.depth().done == 1


def test_sa4_receive_on_an_empty_queue_returns_nothing(app: msgq.App, queue: msgq.Queue) -> None:
    """Receive on empty queue returns nothing at the timeout: not an error, cancellable."""
    assert queue.claim(1) == []
    assert queue.claim(5, wait="20ms") == []
    found: list[msgq.Delivery] = []
    waiting = threading.Thread(target=lambda: found.extend(_claim_until_closed(queue)))
    waiting.start()
    assert app.close(5)
    waiting.join(SECONDS)
    assert not waiting.is_alive()
    assert found == []


def _claim_until_closed(queue: msgq.Queue) -> list[msgq.Delivery]:
    with contextlib.suppress(msgq.ClosedError):  # closed before it began to wait
        return queue.claim(1, wait="1h")
    return []


def test_sa5_complete_removes_for_ever(queue: msgq.Queue, other: msgq.App, name: str) -> None:
    """Complete removes for ever: not received again, receipt then invalid."""
    receipt = queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=SECONDS, lease=0.2)
    delivery.ack()
    assert queue.claim(1, wait=0.4) == []  # for longer than the lease was
    assert other.queue(name).claim(1) == []
    with pytest.raises(msgq.NotFoundError):
        queue.find(receipt.id)
    with pytest.raises(msgq.LeaseLostError):
        delivery.ack()
    assert (queue.depth().done, queue.depth().depth) == (1, 0)


def test_sa6_complete_with_a_bad_receipt_fails(queue: msgq.Queue) -> None:
    """Complete with bad receipt fails as InvalidReceipt: handle in error, queue unchanged."""
    queue.enqueue(b"x")
    (late,) = queue.claim(1, wait=SECONDS, lease=0.1)
    (now,) = queue.claim(1, wait=SECONDS)
    before = queue.depth()
    with pytest.raises(msgq.LeaseLostError, match=str(late.id)):
        late.ack()
    assert queue.depth() == before
    now.ack()
    with pytest.raises(msgq.LeaseLostError, match=str(now.id)):
        now.ack()
    assert queue.depth().done == 1


def test_sa13_visibility_expiry_redelivers(queue: msgq.Queue) -> None:
    """Visibility expiry redelivers: new receipt, old one InvalidReceipt."""
    queue.enqueue(b"x")
    (late,) = queue.claim(1, wait=SECONDS, lease=0.1)
    (again,) = queue.claim(1, wait=SECONDS)
    assert (again.id, again.body) == (late.id, b"x")
    assert again.fence > late.fence
    with pytest.raises(msgq.LeaseLostError):
        late.ack()
    assert queue.depth().leased == 1
    again.ack()
    assert queue.depth().done == 1


def test_sa14_over_the_limit_goes_to_dead_letter(app: msgq.App, name: str) -> None:
    """Over the delivery limit goes to dead letter: metadata and context kept, gone from source.

    What counts against the limit are failures of the handler; deliveries alone do not.
    """

    @app.handler(queue=name, name=name, retry=THRICE)
    def failing(n: int) -> None:
        raise ValueError(f"no {n}")

    receipt = failing.using(headers={"trace": "t"}).enqueue(7)
    run_until_idle(app, timeout=SECONDS)
    (dead,) = app.queue(name).dead()
    assert (dead.id, dead.value(), dead.queue, dead.handler) == (receipt.id, [7], name, name)
    assert dead.headers == {"trace": "t"}
    assert (dead.failures, [each["text"] for each in dead.history]) == (3, ["no 7"] * 3)
    assert "ValueError" in dead.history[0]["error"]
    assert app.queue(name).depth().depth == 0
    assert app.queue(name).claim(1) == []


def test_sa20_batches_preserve_single_semantics(make_app: MakeApp, name: str) -> None:
    """Batches preserve single semantics: limits, partial failure per item.

    msgq takes batches of any size and cuts them into blocks of 1,000 by default. A batch that holds
    what cannot be stored is refused whole, and the item named; settling is per item.
    """
    assert make_app().config["batch_count_max"] == 1000
    queue = make_app(message_bytes_max=100, batch_count_max=10).queue(name)
    batch = queue.enqueue_many([b"%d" % n for n in range(250)])
    assert len(batch) == len({*batch.ids}) == 250
    assert batch.counts() == {"persisted": 250}
    with pytest.raises(msgq.PayloadError, match=r"101(.|\n)*100"):
        queue.enqueue_many([b"good", b"x" * 101])
    assert queue.depth().waiting == 250
    found = take(queue, 250)
    assert [each.body for each in found] == [b"%d" % n for n in range(250)]
    found[1].reject("bad")
    found[2].retry("1h")
    for each in (found[0], *found[3:]):
        each.ack()
    depth = queue.depth()
    assert (depth.done, depth.dead, depth.parked) == (248, 1, 1)
