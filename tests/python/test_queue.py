"""Queue handles: plain messages in, claims out, looking and administering."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import msgq
from tests.python.conftest import MakeApp
from tests.support.stores import behind_pooler, over_stores


@pytest.fixture
def queue(any_app: msgq.App) -> msgq.Queue:
    return any_app.queue("q")


def test_bytes_go_as_they_are_and_the_rest_as_json(queue: msgq.Queue) -> None:
    bodies: list[Any] = [b"\x00\xff", bytearray(b"x"), {"a": [1, None]}, "text", 7, None]
    for body in bodies:
        assert queue.enqueue(body).status == "persisted"
    found = queue.claim(100, wait=5)
    values = [each.value() for each in found]
    assert values == [b"\x00\xff", b"x", {"a": [1, None]}, "text", 7, None]
    assert [each.body for each in found][2:] == [b'{"a":[1,null]}', b'"text"', b"7", b"null"]
    for each in found:
        each.ack()
    assert queue.depth().done == 6


def test_a_delivery_tells_all_about_its_message(queue: msgq.Queue) -> None:
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    receipt = queue.enqueue(b"x", headers={"a": 1, "b": "two"})
    (delivery,) = queue.claim(1, wait=5)
    assert delivery.id == receipt.id
    assert delivery.id.version == 7
    assert delivery.queue == "q"
    assert delivery.handler == ""
    assert delivery.headers == {"a": 1, "b": "two"}
    assert (delivery.attempt, delivery.failures, delivery.history) == (1, 0, [])
    assert delivery.enqueued_at is not None
    assert before < delivery.enqueued_at < datetime.now(timezone.utc) + timedelta(seconds=1)
    assert delivery.fence > 0
    assert not delivery.is_lost
    assert not delivery.is_settled
    assert str(delivery.id) in repr(delivery)


def test_order_is_kept_and_ids_rise(queue: msgq.Queue) -> None:
    queue.enqueue_many(list(range(2500)))
    queue.enqueue(2500)
    found = queue.claim(10_000, wait=5)
    assert [each.value() for each in found] == list(range(2501))
    ids = [each.id for each in found]
    assert ids == sorted(ids)
    assert len(set(ids)) == 2501


def test_settling(queue: msgq.Queue) -> None:
    queue.enqueue_many(["ack", "retry", "snooze", "reject", "later"])
    ack, retry, snooze, reject, later = queue.claim(5, wait=5)
    ack.ack()
    retry.retry()
    snooze.snooze(0)
    reject.settle(msgq.Reject("no use"))
    later.settle(msgq.Retry("1h"))
    again = {each.value(): each for each in queue.claim(5, wait=5)}
    assert set(again) == {"retry", "snooze"}
    assert (again["retry"].attempt, again["retry"].failures) == (2, 1)
    assert (again["snooze"].attempt, again["snooze"].failures) == (1, 0)
    assert "given back" in again["retry"].history[0]["text"]
    (dead,) = queue.dead()
    assert (dead.value(), dead.reason, dead.state) == ("reject", "no use", "dead")
    depth = queue.depth()
    assert (depth.done, depth.dead, depth.leased, depth.parked) == (1, 1, 2, 1)
    assert depth.depth == 3
    again["retry"].settle(msgq.Snooze(0))
    again["snooze"].settle(msgq.Ack())


CALLS: list[Callable[[msgq.Delivery], object]] = [
    lambda d: d.ack(), lambda d: d.retry(), lambda d: d.snooze(1), lambda d: d.reject("x"),
    lambda d: d.extend(5), lambda d: asyncio.run(d.aack()), lambda d: asyncio.run(d.aextend(5)),
    lambda d: asyncio.run(d.aretry()), lambda d: asyncio.run(d.asnooze(1)),
    lambda d: asyncio.run(d.areject()),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_settling_twice_is_refused(queue: msgq.Queue, call: Callable[[msgq.Delivery], Any]) -> None:
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=5)
    delivery.ack()
    with pytest.raises(msgq.LeaseLostError, match="already settled"):
        call(delivery)
    assert queue.depth().done == 1


@pytest.mark.parametrize("call", CALLS)
def test_settling_after_the_lease_went_to_another_is_refused(
    queue: msgq.Queue, call: Callable[[msgq.Delivery], Any]
) -> None:
    """T2: a late settle changes nothing and says so."""
    queue.enqueue(b"x")
    (late,) = queue.claim(1, wait=5, lease=0.1)
    (new,) = queue.claim(1, wait=10)
    assert new.fence > late.fence
    assert new.attempt == 2
    with pytest.raises(msgq.LeaseLostError):
        call(late)
    new.ack()
    depth = queue.depth()
    assert (depth.done, depth.dead, depth.waiting) == (1, 0, 0)


def test_a_lease_can_be_extended(queue: msgq.Queue) -> None:
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=5, lease=0.3)
    delivery.extend("1m")
    assert queue.claim(1, wait=1.0) == []
    delivery.ack()


@pytest.mark.parametrize("wrong", [0, -1, "2d", float("nan"), "soon"])
def test_a_senseless_extension_is_refused_and_the_lease_stays(
    queue: msgq.Queue, wrong: Any
) -> None:
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1)
    with pytest.raises(msgq.ConfigError, match=r"lease|duration"):
        delivery.extend(wrong)
    delivery.ack()


def test_claiming_from_an_empty_queue_gives_nothing(queue: msgq.Queue) -> None:
    assert queue.claim() == []
    assert queue.claim(5, wait="20ms") == []


def test_a_claim_that_does_not_wait_finds_what_was_enqueued(queue: msgq.Queue) -> None:
    for number in range(500):
        queue.enqueue(b"%d" % number)
        (delivery,) = queue.claim(1)
        assert delivery.body == b"%d" % number
        delivery.ack()


def test_a_claim_waits_for_what_comes(queue: msgq.Queue) -> None:
    found: list[msgq.Delivery] = []
    waiting = threading.Thread(target=lambda: found.extend(queue.claim(1, wait=20)))
    waiting.start()
    queue.enqueue(b"x")
    waiting.join(20)
    assert len(found) == 1
    found[0].ack()


@pytest.mark.parametrize(
    "wrong",
    [{"count": 0}, {"count": -1}, {"count": 1.5}, {"count": True}, {"count": 10**9},
     {"wait": -1}, {"wait": float("nan")}, {"lease": 0}, {"lease": "2 years"}, {"lease": "1000d"}],
)  # fmt: skip
def test_senseless_claims_are_refused(queue: msgq.Queue, wrong: dict[str, Any]) -> None:
    with pytest.raises(msgq.ConfigError):
        queue.claim(**wrong)


@behind_pooler
def test_delays(queue: msgq.Queue) -> None:
    later = queue.enqueue(b"later", delay="1h")
    at = queue.enqueue(b"at", delay=datetime.now(timezone.utc) + timedelta(hours=2))
    queue.enqueue(b"soon", delay=0.05)
    queue.enqueue(b"past", delay=datetime(2000, 1, 1, tzinfo=timezone.utc))
    first = [each.body for each in queue.claim(9, wait=5)]
    while len(first) < 2:
        first += [each.body for each in queue.claim(9, wait=5)]
    assert sorted(first) == [b"past", b"soon"]
    assert queue.depth().parked == 2
    parked = queue.find(later.id)
    assert parked.state == "parked"
    assert parked.due_at is not None
    assert parked.due_at > datetime.now(timezone.utc) + timedelta(minutes=59)
    assert queue.find(str(at.id)).body == b"at"


@behind_pooler
def test_looking(queue: msgq.Queue) -> None:
    ids = queue.enqueue_many([{"n": n} for n in range(120)], headers={"h": 1}).ids
    page = queue.peek(50)
    assert [each.id for each in page] == ids[:50]
    assert [each.id for each in queue.peek(50, after=page[-1].cursor)] == ids[50:100]
    assert [each.value()["n"] for each in queue.messages(page=7)] == list(range(120))
    found = queue.find(ids[77])
    assert (found.value(), found.headers, found.state) == ({"n": 77}, {"h": 1}, "waiting")
    assert (found.deliveries, found.failures, found.crashes, found.history) == (0, 0, 0, [])
    assert (found.content, found.handler, found.queue) == ("json", "", "q")
    assert found == queue.find(ids[77])
    assert hash(found) == hash(queue.find(ids[77]))
    assert str(found.id) in repr(found)
    assert queue.depth().waiting == 120  # looking claims nothing
    with pytest.raises(msgq.NotFoundError):
        queue.find(uuid.uuid4())
    with pytest.raises(msgq.ConfigError, match="no message id"):
        queue.find("seven")


@behind_pooler
def test_dead_letters(queue: msgq.Queue) -> None:
    queue.enqueue_many(list(range(10)))
    for each in queue.claim(10, wait=5):
        each.reject(f"reason {each.value()}")
    dead = queue.dead(4)
    assert [each.reason for each in dead] == [f"reason {n}" for n in range(4)]
    assert len(queue.dead(100, after=dead[-1].cursor)) == 6
    assert queue.redrive(dead[0].id, str(dead[1].id)) == 2
    again = queue.claim(10, wait=5)
    assert sorted(each.value() for each in again) == [0, 1]
    assert {each.failures for each in again} == {0}
    assert queue.delete_dead(dead[2].id) == 1
    assert queue.redrive() == 7
    assert queue.dead() == []


@behind_pooler
def test_purge_and_delete(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue_many(list(range(10)))
    queue.enqueue(1, delay=100)
    assert queue.purge() == 11
    assert queue.depth().depth == 0
    assert "q" in any_app.queues()
    queue.delete()
    assert "q" not in any_app.queues()
    with pytest.raises(msgq.NotFoundError):
        any_app.queue("never").delete()


@behind_pooler
def test_what_is_in_flight_is_bounded(store_url: str, make_app: MakeApp) -> None:
    app = make_app(store_url, inflight_count_max=1, linger=60, overflow="raise")
    app.queue("q").enqueue_later(b"first")
    with pytest.raises(msgq.QueueFullError):
        app.queue("q").enqueue(b"second")


def test_headers_of_each(queue: msgq.Queue) -> None:
    queue.enqueue_many([b"a", b"b", b"c"], headers=[{"n": 1}, None, {"n": 3}])
    assert [each.headers for each in queue.claim(3, wait=5)] == [{"n": 1}, {}, {"n": 3}]
    with pytest.raises(msgq.PayloadError, match="2 headers for 1 bodies"):
        queue.enqueue_many([b"a"], headers=[{}, {}])


@behind_pooler
def test_batches_that_are_refused_leave_nothing(queue: msgq.Queue) -> None:
    for wrong, why in [([1, object()], "item 1: body cannot be encoded"), ([1, b"x"], "send them"),
                       (b"abc", "wrap it"), ("abc", "wrap it"), ({"a": 1}, "wrap it")]:  # fmt: skip
        with pytest.raises(msgq.PayloadError, match=why):
            queue.enqueue_many(wrong)
    assert len(queue.enqueue_many([])) == 0
    assert len(queue.enqueue_many(iter([bytearray(b"a"), b"b"]))) == 2
    assert queue.depth().waiting == 2


def test_a_body_over_the_limit_is_refused_with_both_sizes(make_app: MakeApp) -> None:
    queue = make_app(message_bytes_max=1000).queue("q")
    queue.enqueue(b"x" * 1000)
    for call in (queue.enqueue, queue.enqueue_later, lambda b: queue.enqueue_many([b"ok", b]),
                 lambda b: asyncio.run(aenqueue(queue, b))):  # fmt: skip
        with pytest.raises(msgq.PayloadError, match=r"1001(.|\n)*1000") as caught:
            call(b"x" * 1001)
        assert "xxx" not in str(caught.value)


async def aenqueue(queue: msgq.Queue, body: bytes) -> None:
    await queue.aenqueue(body)


def test_the_async_twins(queue: msgq.Queue) -> None:
    async def main() -> None:
        receipts = await asyncio.gather(*[queue.aenqueue(n) for n in range(500)])
        assert len({each.id for each in receipts}) == 500
        assert {each.status for each in receipts} == {"persisted"}
        batch = await queue.aenqueue_many(list(range(500, 3000)), headers={"h": 1})
        assert batch.counts() == {"persisted": 2500}
        await queue.aenqueue(b"d", delay="1h", headers={"x": 1})
        found = await queue.aclaim(10_000, wait=5)
        assert [each.value() for each in found] == list(range(3000))
        assert found[700].headers == {"h": 1}
        await asyncio.gather(*[each.aack() for each in found[1:]])
        await found[0].aextend(60)
        await found[0].aretry()
        (again,) = await queue.aclaim(1, wait=5)
        await again.asnooze(0)
        (again,) = await queue.aclaim(1, wait=5)
        await again.areject("done with it")

    asyncio.run(main())
    assert queue.depth().done == 2999
    assert [each.reason for each in queue.dead()] == ["done with it"]
    asyncio.run(aenqueue(queue, b"from another loop"))


def test_one_bad_message_fails_alone_among_awaited_ones(make_app: MakeApp) -> None:
    queue = make_app(message_bytes_max=10).queue("q")

    async def main() -> list[object]:
        return list(
            await asyncio.gather(
                queue.aenqueue(b"a"), queue.aenqueue(b"x" * 11), queue.aenqueue(b"b"),
                return_exceptions=True,
            )
        )  # fmt: skip

    first, bad, last = asyncio.run(main())
    assert isinstance(bad, msgq.PayloadError)
    assert isinstance(first, msgq.Receipt)
    assert isinstance(last, msgq.Receipt)


@over_stores
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_a_claim_never_gives_more_than_asked_for(make_app: MakeApp, url: str, count: int) -> None:
    """Blocks larger than the rest of a claim are cut, also where taking them whole is cheaper."""
    queue = make_app(url, batch_count_max=2).queue("q")
    queue.enqueue_many([b"x"] * 10)
    assert len(queue.claim(count, wait=5)) == count
