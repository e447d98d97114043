"""Queues as things: paused, resumed; what is set of one, in every process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import msgq
import msgq.testing
from msgq.queue_settings import QueueSettings, settings_from
from tests.support.stores import POSTGRES, behind_pooler

SHARED = ["sqlite:///q.db", POSTGRES]


def test_a_paused_queue_takes_in_and_gives_nothing_out(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue_many([1, 2])
    held = queue.claim(wait=10)[0]
    queue.pause()
    queue.pause()
    queue.enqueue(3)
    assert queue.claim(10, wait=0.05) == []
    held.ack()
    depth = queue.depth()
    assert (depth.is_paused, depth.waiting, depth.done) == (True, 2, 1)
    assert any_app.stats().depth_of("q").is_paused
    queue.resume()
    assert not queue.settings().is_paused
    assert [each.value() for each in queue.claim(10, wait=10)] == [2, 3]


def test_handlers_get_nothing_of_it_and_a_worker_is_idle(any_app: msgq.App) -> None:
    seen: list[int] = []

    @any_app.handler(queue="q")
    def note(number: int) -> None:
        seen.append(number)

    @any_app.handler(queue="other")
    def go_on(number: int) -> None:
        seen.append(number)

    note.enqueue(1)
    any_app.queue("q").pause()
    go_on.enqueue(2)
    msgq.testing.run_until_idle(any_app)
    assert seen == [2]
    any_app.queue("q").resume()
    msgq.testing.run_until_idle(any_app)
    assert seen == [2, 1]


@pytest.mark.parametrize("store_url", SHARED, indirect=True)
def test_another_process_waits_and_goes_on(store_url: str, make_app: Any) -> None:
    one, two = make_app(store_url), make_app(store_url)
    queue = one.queue("q")
    queue.enqueue(1)
    queue.pause()
    assert two.queue("q").claim(wait=0.05) == []
    assert two.queue("q").settings() == QueueSettings(is_paused=True)
    one.close()
    assert make_app(store_url).queue("q").claim(wait=0.05) == [], "through restarts"
    two.queue("q").resume()
    assert two.queue("q").claim(wait=10)[0].value() == 1


def bounded(app: msgq.App, **changes: Any) -> msgq.Queue:
    queue = app.queue("q")
    queue.create(**changes)
    return queue


def test_what_is_beyond_max_length_is_refused_at_once(any_app: msgq.App) -> None:
    queue = bounded(any_app, max_length=3, overflow="raise")
    queue.enqueue_many([1, 2])
    with pytest.raises(msgq.QueueFullError, match=r"'q' holds 2 messages, at most 3 .*max_length"):
        queue.enqueue_many([3, 4])
    queue.enqueue(3, delay="1h")
    with pytest.raises(msgq.QueueFullError):
        queue.enqueue(b"4")
    any_app.queue("other").enqueue(5)
    queue.claim(wait=10)[0].ack()
    queue.enqueue(b"4")
    depth = queue.depth()
    assert (depth.sent, depth.waiting, depth.parked, depth.done) == (4, 2, 1, 1)


def test_of_what_is_awaited_together_as_much_is_stored_as_fits(any_app: msgq.App) -> None:
    queue = bounded(any_app, max_length=50, overflow="raise")

    async def main() -> list[Any]:
        sent = [queue.aenqueue(number) for number in range(100)]
        return await asyncio.gather(*sent, return_exceptions=True)

    results = asyncio.run(main())
    assert {each.status for each in results[:50]} == {"persisted"}
    assert all(isinstance(each, msgq.QueueFullError) for each in results[50:])
    assert [each.value() for each in queue.peek(100)] == list(range(50))
    assert [each.id for each in queue.peek(100)] == [each.id for each in results[:50]]


def test_handlers_are_refused_too_and_receipts_tell(any_app: msgq.App) -> None:
    @any_app.handler(queue="q")
    def note(number: int) -> None: ...

    bounded(any_app, max_length=1, overflow="raise")
    receipts = [note.enqueue_later(number) for number in range(3)]
    for each in receipts[1:]:
        with pytest.raises(msgq.QueueFullError):
            each.wait(10)
    receipts[0].wait(10)
    assert any_app.queue("q").depth().waiting == 1


def test_the_newest_is_dropped_and_the_receipt_says_so(any_app: msgq.App) -> None:
    queue = bounded(any_app, max_length=1, overflow="drop_newest")
    queue.enqueue(1)
    assert queue.enqueue(2).status == "dropped"
    assert queue.depth().sent == 1
    assert any_app.stats().traffic[0].dropped == 1


def test_the_oldest_make_room_and_are_counted(any_app: msgq.App) -> None:
    queue = bounded(any_app, max_length=3, overflow="drop_oldest")
    for number in range(5):
        queue.enqueue(number)
    assert queue.depth().purged == 2
    assert [each.value() for each in queue.claim(10, wait=10)] == [2, 3, 4]
    with pytest.raises(msgq.QueueFullError):
        queue.enqueue(5)  # all are in hand
    assert [each.is_conserved for each in any_app.audit()] == [True]


def test_of_many_at_once_the_last_stay(any_app: msgq.App) -> None:
    queue = bounded(any_app, max_length=3, overflow="drop_oldest")
    for each in [queue.enqueue_later(number) for number in range(50)]:
        each.wait(10)
    assert [each.value() for each in queue.claim(10, wait=10)] == [47, 48, 49]
    depth = queue.depth()
    assert (depth.sent, depth.purged, depth.leased) == (50, 47, 3)


def test_it_blocks_until_there_is_room(any_app: msgq.App) -> None:
    queue = bounded(any_app, max_length=1)
    assert queue.settings() == QueueSettings(max_length=1)
    queue.enqueue(1)
    waits = queue.enqueue_later(2)
    behind = queue.enqueue_later(3)
    any_app.queue("other").enqueue("goes on")
    assert not waits.done()
    assert queue.depth().waiting == 1
    queue.claim(wait=10)[0].ack()
    waits.wait(10)
    assert not behind.done()
    queue.claim(wait=10)[0].ack()
    behind.wait(10)
    assert queue.claim(wait=10)[0].value() == 3


def test_it_blocks_no_longer_than_is_set(any_app: msgq.App) -> None:
    queue = bounded(any_app, max_length=1, overflow_wait="50ms")
    queue.enqueue(1)
    with pytest.raises(msgq.QueueFullError):
        queue.enqueue(2)
    assert queue.depth().sent == 1


def test_what_was_acknowledged_before_a_bound_is_kept(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    for number in range(500):
        queue.enqueue(number)
    queue.alter(max_length=10, overflow="raise")
    assert queue.depth().waiting == 500
    with pytest.raises(msgq.QueueFullError):
        queue.enqueue(b"one more")
    queue.alter(max_length=None)
    queue.enqueue(b"one more")
    assert queue.depth().waiting == 501


@pytest.mark.parametrize("store_url", SHARED, indirect=True)
def test_it_holds_across_processes(store_url: str, make_app: Any) -> None:
    one, two = make_app(store_url), make_app(store_url)
    queue = bounded(one, max_length=10, overflow="raise")
    receipts = [app.queue("q").enqueue_later(number) for number in range(20) for app in (one, two)]
    results = [settled(each) for each in receipts]
    assert results.count("persisted") == queue.depth().waiting == 10
    assert results.count("failed") == 30


def settled(receipt: msgq.Receipt) -> str:
    with contextlib.suppress(msgq.QueueFullError):
        receipt.wait(10)
    return receipt.status


@pytest.mark.parametrize("store_url", SHARED, indirect=True)
def test_who_only_sends_sees_a_new_bound_within_a_second(store_url: str, make_app: Any) -> None:
    one, two = make_app(store_url), make_app(store_url)
    two.queue("q").enqueue(1)
    one.queue("q").alter(max_length=1, overflow="raise")
    changed = time.monotonic()
    while settled(two.queue("q").enqueue_later(2)) == "persisted":
        assert time.monotonic() < changed + 10


@pytest.mark.parametrize(
    ("changes", "text"),
    [({}, "name what is to be changed"), ({"max_length": 0}, "from 1 to"),
     ({"max_length": True}, "from 1 to"), ({"max_length": 10**13}, "from 1 to"),
     ({"max_length": "10"}, "from 1 to"), ({"overflow": "drop"}, "is one of block, raise"),
     ({"overflow_wait": -1}, "overflow_wait"), ({"max_size": 1}, "has no setting 'max_size'")],
)  # fmt: skip
def test_what_cannot_be_set_is_refused(app: msgq.App, changes: Any, text: str) -> None:
    queue = app.queue("q")
    queue.enqueue(1)
    with pytest.raises(msgq.ConfigError, match=text):
        queue.alter(**changes)
    assert queue.settings() == QueueSettings()


@behind_pooler
def test_drain_waits_until_all_was_handled(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue(1, delay="1h")
    with pytest.raises(msgq.WaitTimeoutError, match="'q' still has 1 messages"):
        queue.drain("10ms")
    queue.purge()
    queue.enqueue(2)
    (held,) = queue.claim(wait=10)
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(queue.drain, 10)
        assert not waits.done()
        held.ack()
        waits.result()
    asyncio.run(queue.adrain(10))
    assert queue.depth().depth == 0


@behind_pooler
def test_a_message_is_held_until_it_is_released(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    held, soon = queue.enqueue("held", delay="1h").id, queue.enqueue("soon", delay="300ms").id
    waits = queue.enqueue("waits").id
    assert queue.hold(held, soon, waits) == 2
    found = queue.find(soon)
    assert (found.state, found.is_held, found.due_at) == ("parked", True, None)
    assert [each.value() for each in queue.claim(10, wait=0.5)] == ["waits"]
    assert queue.release(held, soon) == 2
    assert queue.release(soon) == 0
    found_values = [queue.claim(wait=10)[0].value() for _ in range(2)]
    assert sorted(found_values) == ["held", "soon"]


def test_what_waits_for_a_retry_is_held_and_its_key_with_it(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    first = queue.enqueue("first", key="k").id
    queue.enqueue("second", key="k")
    queue.claim(wait=10)[0].retry("1h")
    assert queue.hold(first) == 1
    assert queue.claim(10, wait=0.2) == []
    assert queue.release(first) == 1
    order = []
    for _ in range(2):
        (delivery,) = queue.claim(wait=10)
        order.append(delivery.value())
        delivery.ack()
    assert order == ["first", "second"]


def test_what_would_end_meanwhile_is_not_held(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    ends = queue.enqueue("x", delay="1h", ttl="2h").id
    with pytest.raises(msgq.ConfigError, match="ttl"):
        queue.hold(ends)
    assert not queue.find(ends).is_held


def test_settings_are_as_in_config_h() -> None:
    raw = {"is_paused": True, "max_length": 5, "overflow": 3, "overflow_wait_ms": 1500,
           "is_topic": True, "retention_ms": 2500}  # fmt: skip
    assert settings_from(raw) == QueueSettings(True, 5, "drop_oldest", 1.5, True, 2.5)


@pytest.mark.parametrize("call", ["pause", "resume", "settings"])
def test_an_unknown_queue_is_refused(any_app: msgq.App, call: str) -> None:
    with pytest.raises(msgq.NotFoundError, match="no queue 'none'"):
        getattr(any_app.queue("none"), call)()
    assert any_app.queues() == []


def test_what_stores_nothing_cannot_pause(make_app: Any) -> None:
    with pytest.raises(msgq.UnsupportedError, match="sync"):
        make_app("sync://").queue("q").pause()


def test_a_queue_is_renamed(app: msgq.App) -> None:
    emails = app.queue("emails")
    emails.create(max_length=5)
    emails.enqueue(b"1")
    (claimed,) = emails.claim(1, wait=5)
    emails.enqueue(b"2")
    emails.subscribe("audit")
    mails = emails.rename("mails")
    claimed.ack()
    with pytest.raises(msgq.errors.StoreRejectedError, match="send to 'mails'"):
        app.queue("mails@audit").enqueue(b"x")
    assert mails.name == "mails"
    assert mails.settings().max_length == 5
    assert (mails.depth().done, mails.depth().waiting) == (1, 1)
    with pytest.raises(msgq.NotFoundError):
        emails.settings()
    app.queue("other").enqueue(b"1")
    for name in ("other", "mails", "", "a/../b"):
        with pytest.raises(msgq.ConfigError):
            mails.rename(name)
    with pytest.raises(msgq.NotFoundError):
        emails.rename("x")
