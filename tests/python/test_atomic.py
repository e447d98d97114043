"""A transaction is one act: sends to several queues and settles, or nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import msgq
from tests.python.conftest import MakeApp
from tests.support.stores import POOLED, STORES

APP_STORES = STORES


Call = Callable[[], object]


def together(app: msgq.App, *calls: Call) -> list[Any]:
    """Makes these calls in one transaction."""
    with app.transaction():
        return [call() for call in calls]


def sent(app: msgq.App, *queues: str) -> list[int]:
    return [app.queue(each).depth().sent for each in queues]


@pytest.mark.also_on(POOLED)
def test_sends_and_settles_are_one(app: msgq.App) -> None:
    app.queue("in").enqueue_many([b"1", b"2", b"3"])
    one, two, three = app.queue("in").claim(3, wait=5)
    with app.transaction() as t:
        first = app.queue("a").enqueue(b"a")
        app.queue("b").enqueue_many([b"b"] * 3, delay=60)
        one.ack()
        two.reject("no")
        three.retry(60)
        assert sent(app, "a", "b") == [0, 0]
        assert "2 sends, 3 settles" in repr(t)
    assert first.wait().status == "persisted"
    depth = app.queue("in").depth()
    assert (depth.done, depth.dead, depth.parked) == (1, 1, 1)
    assert sent(app, "a", "b") == [1, 3]
    assert app.queue("b").depth().parked == 3


@pytest.mark.also_on(POOLED)
def test_a_lost_lease_leaves_nothing_and_is_named(app: msgq.App) -> None:
    app.queue("in").enqueue(b"1")
    app.queue("other").enqueue(b"1")
    (lost,) = app.queue("in").claim(lease=0.1)
    (kept,) = app.queue("other").claim()
    (again,) = app.queue("in").claim(wait=10)
    with pytest.raises(msgq.LeaseLostError, match=str(lost.id)):
        together(app, lambda: app.queue("a").enqueue(b"a"), kept.ack, lost.ack)
    assert sent(app, "a") == [0]
    assert not kept.is_settled
    with app.transaction():
        kept.ack()
        again.ack()
    assert app.queue("other").depth().done == 1


def test_an_exception_leaves_nothing(app: msgq.App) -> None:
    app.queue("in").enqueue(b"1")
    (one,) = app.queue("in").claim(wait=5)
    receipts: list[msgq.Receipt] = []
    with pytest.raises(ZeroDivisionError):
        together(app, lambda: receipts.append(app.queue("a").enqueue(b"a")), one.ack, lambda: 1 / 0)
    with pytest.raises(msgq.errors.RolledBackError, match="rolled back"):
        receipts[0].wait()
    one.ack()
    assert sent(app, "a") == [0]


@pytest.mark.also_on(POOLED)
def test_a_full_queue_or_a_duplicate_refuses_all(app: msgq.App) -> None:
    app.queue("small").create(max_length=1, overflow="raise")
    app.queue("a").enqueue(b"there", dedup="x")
    a, small = app.queue("a"), app.queue("small")
    refused: list[tuple[type[msgq.MsgqError], Call]] = [
        (msgq.QueueFullError, lambda: small.enqueue_many([b"1", b"2"])),
        (msgq.DuplicateError, lambda: a.enqueue(b"there", dedup="x", on_duplicate="raise")),
        (msgq.DedupConflictError, lambda: a.enqueue(b"other", dedup="x")),
    ]
    for kind, call in refused:
        with pytest.raises(kind, match=r"'small'|dedup id 'x'"):
            together(app, lambda: app.queue("b").enqueue(b"b"), call)
    assert sent(app, "a", "b", "small") == [1, 0, 0]
    with app.transaction():
        app.queue("b").enqueue(b"b")
        twice = app.queue("a").enqueue(b"there", dedup="x")
    assert twice.status == "duplicate"
    assert sent(app, "a", "b") == [1, 1]


def test_in_an_event_loop(app: msgq.App) -> None:
    async def main() -> None:
        app.queue("in").enqueue(b"1")
        (one,) = await app.queue("in").aclaim(wait=5)
        async with app.transaction():
            await app.queue("a").aenqueue(b"a")
            await app.queue("b").aenqueue(b"b")
            await one.aack()
        with pytest.raises(ZeroDivisionError):
            await fails()

    async def fails() -> None:
        async with app.transaction():
            await app.queue("a").aenqueue(b"a")
            raise ZeroDivisionError

    asyncio.run(main())
    assert sent(app, "a", "b") == [1, 1]
    assert app.queue("in").depth().done == 1


def test_wrong_use_says_so(make_app: MakeApp) -> None:
    app, other = make_app(), make_app()
    with app.transaction() as t:
        with pytest.raises(msgq.ConfigError, match="do not nest"):
            together(app)
        with pytest.raises(msgq.ConfigError, match="another store"):
            other.queue("a").enqueue(b"x")
        other.queue("a").enqueue(b"x", held=False)
        with pytest.raises(msgq.errors.HeldError):
            app.queue("a").enqueue(b"x").wait()
    with pytest.raises(msgq.ConfigError, match="once"):
        t.__enter__()
    app.queue("k").enqueue(b"x", key="k")
    (one,) = app.queue("k").claim(wait=5)
    with pytest.raises(msgq.UnsupportedError, match="with a key"):
        together(app, one.retry)
    with app.transaction():
        one.ack()
    assert app.queue("k").depth().done == 1


@pytest.mark.parametrize("app_url", ["sync://"], indirect=True)
def test_sync_runs_them_after_the_block(app: msgq.App) -> None:
    ran: list[int] = []

    @app.handler()
    def note(n: int) -> None:
        ran.append(n)

    with app.transaction():
        note.enqueue(1)
        note.enqueue(2)
        assert ran == []
    assert ran == [1, 2]
