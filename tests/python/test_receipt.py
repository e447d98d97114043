"""Receipts settle exactly once, tell how, and can be waited for in every way."""

from __future__ import annotations

import asyncio
import threading
import uuid

import pytest

import msgq
from tests.python.conftest import MakeApp
from tests.support.foreign import write_transaction

FILE = "sqlite:///q.db"


@pytest.fixture
def hasty(make_app: MakeApp) -> msgq.Queue:
    """A queue in an open file for whose write lock nobody waits long."""
    app = make_app(FILE, busy_timeout=0.05, enqueue_timeout=0.1)
    app.open()
    return app.queue("q")


def test_enqueue_gives_a_settled_receipt(any_app: msgq.App) -> None:
    receipt = any_app.queue("q").enqueue(b"x")
    assert receipt.done()
    assert receipt.status == "persisted"
    assert isinstance(receipt.id, uuid.UUID)
    assert receipt.error is None
    assert receipt.wait(0) is receipt
    assert "persisted" in repr(receipt)


def test_enqueue_later_gives_one_that_settles(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    receipts = [queue.enqueue_later(n) for n in range(100)]
    ids = [each.id for each in receipts]  # known before they are stored
    msgq.wait_all(receipts, timeout=20)
    assert {each.status for each in receipts} == {"persisted"}
    assert [each.id for each in receipts] == ids
    assert [each.id for each in queue.peek(200)] == ids


def test_callbacks_are_called_once_each(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    called: list[msgq.Receipt] = []
    all_called = threading.Semaphore(0)
    receipts = [queue.enqueue_later(n) for n in range(100)]

    def note(receipt: msgq.Receipt) -> None:
        called.append(receipt)
        all_called.release()

    for each in receipts:
        each.add_done_callback(note)
        each.add_done_callback(note)
    for _ in range(200):
        assert all_called.acquire(timeout=20)
    assert sorted(called, key=id) == sorted([*receipts, *receipts], key=id)
    receipts[0].add_done_callback(note)
    assert len(called) == 201
    queue.enqueue(b"x").add_done_callback(note)
    assert len(called) == 202


def test_a_callback_that_raises_hurts_nobody(
    any_app: msgq.App, caplog: pytest.LogCaptureFixture
) -> None:
    queue = any_app.queue("q")
    done = threading.Event()

    def wrong(_: msgq.Receipt) -> None:
        raise RuntimeError("a broken callback")

    for _ in range(20):
        receipt = queue.enqueue_later(b"x")
        try:
            receipt.add_done_callback(wrong)
        except RuntimeError:
            continue  # it was settled already: called here, raised here
    last = queue.enqueue_later(b"x")
    last.add_done_callback(lambda _: done.set())
    assert done.wait(20)


def test_receipts_can_be_awaited(any_app: msgq.App) -> None:
    queue = any_app.queue("q")

    async def main() -> None:
        receipts = [queue.enqueue_later(n) for n in range(200)]
        assert await receipts[0] is receipts[0]
        await asyncio.gather(*receipts, *receipts)
        assert {each.status for each in receipts} == {"persisted"}
        batch = queue.enqueue_many_later(list(range(3000)))
        assert await batch is batch
        assert batch.status == "persisted"
        assert await queue.enqueue(b"x") is not None

    asyncio.run(main())


def test_batches_tell_of_each(any_app: msgq.App) -> None:
    batch = any_app.queue("q").enqueue_many(list(range(2500)))
    assert len(batch) == 2500
    assert batch.done()
    assert batch.counts() == {"persisted": 2500}
    items = list(batch)
    assert [each.id for each in items] == batch.ids
    assert batch.ids == sorted(set(batch.ids))
    assert batch[0] == items[0]
    assert batch[-1] == items[-1]
    assert batch[1700] == items[1700]
    assert batch[10:13] == items[10:13]
    for wrong in (2500, -2501):
        with pytest.raises(IndexError):
            batch[wrong]
    assert batch.error is None
    assert "2500 messages" in repr(batch)
    called: list[msgq.BatchReceipt] = []
    batch.add_done_callback(called.append)
    assert called == [batch]


def test_as_completed_gives_every_one_once(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    receipts: list[msgq.Receipt | msgq.BatchReceipt] = [queue.enqueue_later(n) for n in range(50)]
    receipts.append(queue.enqueue_many_later([1, 2]))
    found = list(msgq.as_completed(receipts, timeout=20))
    assert sorted(map(id, found)) == sorted(map(id, receipts))
    assert list(msgq.as_completed([])) == []


def test_as_completed_goes_by_when_each_settles(make_app: MakeApp) -> None:
    slow, quick = make_app(FILE, linger=10), make_app()
    late = slow.queue("q").enqueue_later(b"waits for company")
    early = quick.queue("q").enqueue_later(b"x")
    found = msgq.as_completed([late, early], timeout=20)
    assert next(found) is early
    slow.close(5)
    assert next(found) is late


def test_collect_sorts_by_what_became_of_them(hasty: msgq.Queue) -> None:
    stored = [hasty.enqueue_later(n) for n in range(3)]
    msgq.wait_all(stored, timeout=20)
    with write_transaction("q.db"):
        refused = [hasty.enqueue_later(n) for n in range(2)]
        found = msgq.collect([*refused, *stored], timeout=20)
    assert (found.ok, found.failed, found.pending) == (stored, refused, [])
    assert not found.is_all_ok
    assert msgq.collect(stored).is_all_ok


def test_dropped_messages_say_so_and_are_counted(make_app: MakeApp) -> None:
    app = make_app(store_count_max=3, overflow="drop")
    queue = app.queue("q")
    statuses = [queue.enqueue(n).status for n in range(6)]
    assert statuses == ["persisted"] * 3 + ["dropped"] * 3
    assert app.stats().traffic_of("q").dropped == 3
    assert queue.depth().waiting == 3


def test_waiting_ends_at_the_timeout_with_a_typed_error(make_app: MakeApp) -> None:
    app = make_app(FILE, linger=10)
    receipt = app.queue("q").enqueue_later(b"x")
    with pytest.raises(msgq.WaitTimeoutError):
        receipt.wait(0.01)
    with pytest.raises(TimeoutError):
        msgq.wait_all([receipt], timeout=0.01)
    with pytest.raises(msgq.WaitTimeoutError, match="1 of 1"):
        list(msgq.as_completed([receipt], timeout=0.01))
    found = msgq.collect([receipt], timeout=0.01)
    assert (found.pending, found.is_all_ok) == ([receipt], False)
    assert receipt.status == "pending"  # a wait that ended has settled nothing
    app.close(5)
    assert msgq.collect([receipt], timeout=5).is_all_ok


def test_a_failure_reaches_everybody_who_waits(hasty: msgq.Queue) -> None:
    async def awaited() -> None:
        await receipt

    called: list[msgq.Receipt] = []
    with write_transaction("q.db"):
        receipt = hasty.enqueue_later(b"x")
        for wait in (
            receipt.wait,
            lambda: msgq.wait_all([receipt]),
            lambda: asyncio.run(awaited()),
        ):
            with pytest.raises(msgq.StoreUnavailableError) as caught:
                wait()
            assert caught.value.receipt is receipt
    receipt.add_done_callback(called.append)
    assert called == list(msgq.as_completed([receipt])) == [receipt]
    assert receipt.status == "failed"


def test_a_failure_of_many_tells_of_each(hasty: msgq.Queue) -> None:
    with write_transaction("q.db"), pytest.raises(msgq.StoreUnavailableError) as caught:
        hasty.enqueue_many(list(range(2500)))
    batch = caught.value.receipt
    assert isinstance(batch, msgq.BatchReceipt)
    assert (len(batch), batch.status) == (2500, "failed")
    assert {each.status for each in batch} == {"failed"}


def test_more_than_there_is_room_for_is_refused(make_app: MakeApp) -> None:
    queue = make_app(store_count_max=4, overflow="raise", batch_count_max=2).queue("q")
    with pytest.raises(msgq.QueueFullError):
        queue.enqueue_many(list(range(10)))
    assert queue.depth().waiting <= 4
