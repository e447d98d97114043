"""One body to several queues: a receipt for all, and what is told when only some were reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import psycopg
import pytest

import msgq
from msgq._fan import FanReceipt
from msgq._hops import CORRELATION
from tests.python.conftest import MakeApp
from tests.support.drivers import dsn
from tests.support.stores import behind_pooler


@pytest.fixture
def app(any_app: msgq.App) -> msgq.App:
    """An app on each store, one of whose queues passes on to three."""
    any_app.forward("all", to=["a", "b", "c"])
    return any_app


def depths(app: msgq.App) -> dict[str, int]:
    """How much waits in each queue."""
    return {each.queue: each.waiting for each in app.stats().depth}


@behind_pooler
def test_a_receipt_for_all(app: msgq.App) -> None:
    for receipt in (app.queue("all").enqueue(b"1"), app.queue("all").enqueue_later(b"2").wait(5)):
        assert isinstance(receipt, FanReceipt)
        assert (receipt.status, receipt.error, receipt.done()) == ("persisted", None, True)
        assert receipt.id == receipt.copies[0].id
        assert "3 copies" in repr(receipt)
        for queue, copy in zip("abc", receipt.copies, strict=True):
            assert app.queue(queue).find(copy.id).state == "waiting"
            assert copy.copies == (copy,)
    assert depths(app) == {"a": 2, "b": 2, "c": 2}


def test_it_is_a_receipt_like_others(app: msgq.App) -> None:
    queue = app.queue("all")
    receipts = [queue.enqueue_later(b"x") for _ in range(10)]
    told: list[msgq.Receipt] = []
    receipts[0].add_done_callback(told.append)
    msgq.wait_all(receipts, 10)
    assert len(list(msgq.as_completed(receipts, 10))) == 10
    assert msgq.collect(receipts).is_all_ok
    while not told:
        pass
    assert told == [receipts[0]]

    async def ask() -> None:
        later = queue.enqueue_later(b"x")
        assert await later is later
        assert (await queue.aenqueue(b"x")).status == "persisted"

    asyncio.run(ask())
    assert depths(app) == {"a": 12, "b": 12, "c": 12}


def test_many_bodies_are_told_of_queue_by_queue(app: msgq.App) -> None:
    receipt = app.queue("all").enqueue_many([b"1", b"2"], headers=[{"n": 1}, None])
    assert receipt.counts() == {"persisted": 6}
    found = [app.queue(name).find(key) for name, key in zip("aabbcc", receipt.ids, strict=True)]
    assert [each.body for each in found] == [b"1", b"2"] * 3
    shared = [each.headers[CORRELATION] for each in found[:2]]
    assert shared[0] != shared[1]
    assert [each.headers for each in found] == [
        {"n": 1, CORRELATION: shared[0]}, {CORRELATION: shared[1]},
    ] * 3  # fmt: skip
    again = asyncio.run(_many(app.queue("all")))
    assert again.counts() == {"persisted": 6}


async def _many(queue: msgq.Queue) -> msgq.BatchReceipt:
    return await queue.aenqueue_many([b"1", b"2"])


@pytest.fixture
def half() -> Iterator[msgq.App]:
    """An app that passes on to three queues, of which the second is refused by its store."""
    urls = {"default": "memory://", "strict": "memory://?strict_queues=1"}
    homes = {"b": "strict"}
    with msgq.App(urls=urls, profile="test", queue_transports=homes) as made:
        made.forward("all", to=["a", "b", "c"])
        yield made


def test_what_some_refuse_the_others_have(half: msgq.App) -> None:
    """Across transports it is never atomic, and the receipt tells of each."""
    queue = half.queue("all")
    with pytest.raises(msgq.NotFoundError, match=r"\(transport 'strict'\)") as caught:
        queue.enqueue(b"x")
    statuses = [each.status for each in caught.value.receipt.copies]
    assert statuses == ["persisted", "failed", "persisted"]
    assert caught.value.receipt.status == "failed"
    with pytest.raises(msgq.NotFoundError, match="strict"):
        queue.enqueue_many([b"x"])
    assert {each.queue: each.waiting for each in half.stats().depth} == {"a": 2, "c": 2}


def test_an_await_tells_which_were_reached(half: msgq.App) -> None:
    why = r"queue 'b' \(transport 'strict'\); 2 of 2 other copies were enqueued"
    with pytest.raises(msgq.NotFoundError, match=why) as caught:
        asyncio.run(_one(half.queue("all")))
    assert [each.status for each in caught.value.receipt.copies] == ["persisted"] * 2


def test_what_fails_together_is_told_apart(half: msgq.App) -> None:
    """Messages of one turn of the loop fail by one and the same error."""

    async def both() -> list[object]:
        queue = half.queue("all")
        calls = (queue.aenqueue(b"1"), queue.aenqueue(b"2"))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    for each in asyncio.run(both()):
        assert isinstance(each, msgq.NotFoundError)
        assert str(each).count("other copies") == 1
        assert len(each.receipt.copies) == 2


def test_copies_are_one_commit_on_one_store(app: msgq.App) -> None:
    app.queue("b").create(max_length=1, overflow="raise")
    queue = app.queue("all")
    queue.enqueue(b"1")
    calls: list[Callable[[], object]] = [
        lambda: queue.enqueue(b"2"),
        lambda: queue.enqueue_later(b"2").wait(5),
        lambda: queue.enqueue_many([b"2", b"3"]),
        lambda: asyncio.run(_one(queue)),
        lambda: asyncio.run(_many(queue)),
    ]
    for call in calls:
        with pytest.raises(msgq.QueueFullError, match="'b'"):
            call()
    assert depths(app) == {"a": 1, "b": 1, "c": 1}


async def _one(queue: msgq.Queue) -> msgq.Receipt:
    return await queue.aenqueue(b"x")


def test_a_call_that_is_refused_in_the_middle_tells_what_went_before() -> None:
    urls = {"default": "memory://", "small": "memory://?message_bytes_max=3"}
    with msgq.App(urls=urls, profile="test", queue_transports={"b": "small"}) as app:
        app.forward("all", to=["a", "b", "c"])
        queue, why = app.queue("all"), r"'b' \(transport 'small'\); 1 of 2 other copies"
        with pytest.raises(msgq.PayloadError, match=why) as caught:
            queue.enqueue_later(b"long")
        caught.value.receipt.wait(5)
        assert len(caught.value.receipt.copies) == 1
        with pytest.raises(msgq.PayloadError, match=why) as caught:
            queue.enqueue_many([b"1", b"long"])
        assert len(caught.value.receipt.wait(5)) == 2
        app.forward("small", to=["b", "a"])
        with pytest.raises(
            msgq.PayloadError, match=r"0 of 1 other copies were enqueued$"
        ) as caught:
            app.queue("small").enqueue(b"long")
        assert caught.value.receipt is None
        assert app.queue("a").depth().waiting == 3
        assert app.queue("c").depth().waiting == 0


def test_conn_makes_all_copies_one_commit(postgres_url: str, make_app: MakeApp) -> None:
    app = make_app(postgres_url)
    app.forward("all", to=["a", "b"])

    @app.handler(queue="all", name="h")
    def handler(n: int) -> None: ...

    app.open()
    for ends in ("rollback", "commit"):
        with psycopg.connect(dsn(postgres_url)) as conn:
            receipt = app.queue("all").enqueue(b"x", conn=conn)
            assert (receipt.status, len(receipt.copies)) == ("uncommitted", 2)
            handler.using(conn=conn).enqueue(1)
            assert len(app.queue("all").enqueue_many([b"1", b"2"], conn=conn)) == 4
            getattr(conn, ends)()
    for name in "ab":  # four of the one that was committed, and none besides
        queue, found = app.queue(name), 0
        while found < 4:
            found += len(queue.claim(10, wait=5))
        assert queue.depth().sent == 4


def test_behind_a_pooler_conn_makes_all_copies_one_commit(
    pooled_url: str, make_app: MakeApp
) -> None:
    app = make_app(pooled_url)
    app.forward("all", to=["a", "b"])
    app.open()
    for ends in ("rollback", "commit"):
        with psycopg.connect(dsn(pooled_url)) as conn:
            app.queue("all").enqueue(ends.encode(), conn=conn)
            getattr(conn, ends)()
    for name in "ab":
        assert [each.body for each in app.queue(name).claim(10, wait=5)] == [b"commit"]


def test_a_connection_runs_one_statement_at_a_time(postgres_url: str, make_app: MakeApp) -> None:
    app = make_app(postgres_url)
    app.forward("all", to=["a", "b"])
    app.open()

    async def send() -> None:
        async with await psycopg.AsyncConnection.connect(dsn(postgres_url)) as conn:
            receipt = await app.queue("all").aenqueue(b"x", conn=conn)
            assert [each.status for each in receipt.copies] == ["uncommitted"] * 2
            await conn.execute("set transaction read only")
            with pytest.raises(msgq.StoreRejectedError):
                await app.queue("all").aenqueue(b"x", conn=conn)

    asyncio.run(send())
    assert app.queues() == []


def test_conn_with_what_cannot_have_it_is_refused_before_anything_is_sent(
    postgres_url: str,
) -> None:
    urls = {"default": postgres_url, "other": postgres_url, "fast": "memory://"}
    with (
        msgq.App(urls=urls, profile="test", queue_transports={"b": "fast", "d": "other"}) as app,
        psycopg.connect(dsn(postgres_url)) as conn,
    ):
        app.forward("all", to=["a", "b"])
        app.forward("pg", to=["c", "d"])

        @app.handler(queue="all", name="h")
        def handler(n: int) -> None: ...

        for call in (
            lambda: app.queue("all").enqueue(b"x", conn=conn),
            lambda: app.queue("b").enqueue(b"x", conn=conn),
            lambda: app.enqueue(b"x", queue="all", conn=conn),
            lambda: handler.using(conn=conn),
        ):
            with pytest.raises(msgq.UnsupportedError, match=r"conn= is not built into the memory"):
                call()
        with pytest.raises(msgq.ConfigError, match=r"one database.*default, other"):
            app.queue("pg").enqueue(b"x", conn=conn)
        assert app.queue("a").depth().sent == 0
