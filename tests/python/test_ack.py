"""ack(conn=): a message is done if, and only if, the user's own transaction commits.

Each driver is driven the same way: a commit, a rollback, a savepoint rolled back inside a commit.
Then deliveries and handlers meet whatever may come between: a lost lease, a second outcome, no
commit at all.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
import pytest

import msgq
from msgq._engine import core
from tests.support.drivers import ASYNC, SYNC, arun_sql, dsn, run_sql


def schema_of(url: str) -> str:
    return url.partition("&schema=")[2]


def await_true(is_true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, what


def end_lease(url: str) -> None:
    """Lapses every open claim, as somebody who found its process dead would."""
    schema = schema_of(url)
    with psycopg.connect(dsn(url)) as conn:
        conn.execute(f"select 1 from {schema}.claim where state = 0 for update".encode())
        conn.execute(f"select {schema}.lapse(c) from {schema}.claim c where state = 0".encode())


@contextmanager
def claimed(url: str, count: int = 1, lease: float = 600.0) -> Iterator[list[msgq.Delivery]]:
    with msgq.connect(url) as client:
        queue = client.queue("work")
        queue.enqueue_many([b"%d" % number for number in range(count)])
        yield queue.claim(count, wait=10, lease=lease)


def figures(url: str) -> tuple[int, int, int]:
    """How many are done, leased, waiting."""
    with msgq.connect(url) as client:
        depth = client.queue("work").depth()
        return depth.done, depth.leased, depth.waiting


# --- deliveries, by every driver ---


@pytest.mark.parametrize("driver", SYNC)
def test_it_is_done_with_the_commit(postgres_url: str, driver: str) -> None:
    with claimed(postgres_url) as (delivery,), SYNC[driver](postgres_url) as conn:
        delivery.ack(conn=conn)
        assert figures(postgres_url) == (0, 1, 0)
        conn.commit()
        assert figures(postgres_url) == (1, 0, 0)
        with pytest.raises(msgq.LeaseLostError, match=r"committed|ended"):
            delivery.retry()


@pytest.mark.parametrize("driver", SYNC)
def test_it_is_not_done_after_a_rollback(postgres_url: str, driver: str) -> None:
    with claimed(postgres_url) as (delivery,), SYNC[driver](postgres_url) as conn:
        delivery.ack(conn=conn)
        conn.rollback()
        assert figures(postgres_url) == (0, 1, 0)
        delivery.ack(conn=conn)
        conn.commit()
        assert figures(postgres_url) == (1, 0, 0)


def test_behind_a_pooler_it_is_done_with_the_commit(pooled_url: str) -> None:
    with claimed(pooled_url) as (delivery,), SYNC["psycopg"](pooled_url) as conn:
        delivery.ack(conn=conn)
        conn.rollback()
        assert figures(pooled_url) == (0, 1, 0)
        delivery.ack(conn=conn)
        conn.commit()
        assert figures(pooled_url) == (1, 0, 0)


@pytest.mark.parametrize("driver", SYNC)
def test_it_goes_with_its_savepoint(postgres_url: str, driver: str) -> None:
    with claimed(postgres_url) as (delivery,), SYNC[driver](postgres_url) as conn:
        run_sql(conn, "savepoint here")
        delivery.ack(conn=conn)
        run_sql(conn, "rollback to savepoint here")
        conn.commit()
        delivery.reject("not done")
    assert figures(postgres_url) == (0, 0, 0)


@pytest.mark.parametrize("driver", SYNC)
def test_a_lost_lease_is_told_where_it_can_be_rolled_back(postgres_url: str, driver: str) -> None:
    with claimed(postgres_url) as (delivery,), SYNC[driver](postgres_url) as conn:
        end_lease(postgres_url)
        with pytest.raises(msgq.LeaseLostError, match="roll the transaction back"):
            delivery.ack(conn=conn)
        conn.rollback()
    assert figures(postgres_url) == (0, 0, 1)


@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("driver", ASYNC)
def test_asynchronous_connections(postgres_url: str, driver: str, commits: bool) -> None:
    async def ack(delivery: msgq.Delivery) -> None:
        async with ASYNC[driver](postgres_url) as (conn, commit, rollback):
            await delivery.aack(conn=conn)
            await (commit() if commits else rollback())
            if not commits:
                await delivery.aretry(delay="1h")

    with claimed(postgres_url) as (delivery,):
        asyncio.run(ack(delivery))
        assert figures(postgres_url) == (int(commits), 0, 0)


def test_a_claim_ends_soon_after_the_last_commit(postgres_url: str) -> None:
    with claimed(postgres_url, 3) as deliveries, psycopg.connect(dsn(postgres_url)) as conn:
        for delivery in deliveries:
            delivery.ack(conn=conn)
            conn.commit()
        left = f"select count(*) from {schema_of(postgres_url)}.acked".encode()

        def is_over() -> bool:
            row = conn.execute(left).fetchone()
            conn.rollback()
            return row == (0,)

        await_true(is_over, "the claim has not ended")
    assert figures(postgres_url) == (3, 0, 0)


def test_a_rolled_back_one_is_redelivered_at_the_lease_s_end(postgres_url: str) -> None:
    with (
        claimed(postgres_url, 2, lease=0.5) as (first, second),
        psycopg.connect(dsn(postgres_url)) as conn,
    ):
        first.ack(conn=conn)
        conn.commit()
        second.ack(conn=conn)
        conn.rollback()
        with msgq.connect(postgres_url) as client:
            (again,) = client.queue("work").claim(2, wait=20)
            assert (again.body, again.attempt) == (b"1", 2)
            again.ack()
    assert figures(postgres_url) == (2, 0, 0)


def test_another_outcome_waits_for_the_transaction(postgres_url: str) -> None:
    with claimed(postgres_url) as (delivery,), psycopg.connect(dsn(postgres_url)) as conn:
        delivery.ack(conn=conn)
        with pytest.raises(msgq.WaitTimeoutError, match="end it first"):
            delivery.retry()
        conn.rollback()
        delivery.ack(conn=conn)
        conn.rollback()
        delivery.retry(delay="1h")
        with pytest.raises(msgq.LeaseLostError, match="already settled"):
            delivery.ack(conn=conn)
    assert figures(postgres_url) == (0, 0, 0)


def test_twice_in_one_transaction_is_refused(postgres_url: str) -> None:
    with claimed(postgres_url) as (delivery,), psycopg.connect(dsn(postgres_url)) as conn:
        delivery.ack(conn=conn)
        with pytest.raises(msgq.LeaseLostError, match="already settled"):
            delivery.ack(conn=conn)
        conn.rollback()
    assert figures(postgres_url) == (0, 0, 1)  # given back as the client closed


def test_a_transaction_older_than_the_delivery_is_told_so(postgres_url: str) -> None:
    with psycopg.connect(dsn(postgres_url)) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.execute("select 1")
        with claimed(postgres_url) as (delivery,):
            with pytest.raises(msgq.StoreRejectedError, match="began before"):
                delivery.ack(conn=conn)
            conn.rollback()
            delivery.ack(conn=conn)
            conn.commit()
    assert figures(postgres_url) == (1, 0, 0)


def test_wrong_connections_are_refused(postgres_url: str, tmp_path: Any) -> None:
    with claimed(postgres_url) as (delivery,):
        with (
            closing(sqlite3.connect(tmp_path / "other.db")) as other,
            pytest.raises(msgq.UnsupportedError, match=r"sqlite3\.Connection"),
        ):
            delivery.ack(conn=other)
        with (
            psycopg.connect(dsn(postgres_url), autocommit=True) as conn,
            pytest.raises(msgq.ConfigError, match="autocommit"),
        ):
            delivery.ack(conn=conn)
        with pytest.raises(msgq.ConfigError, match="closed"):
            delivery.ack(conn=conn)
        with psycopg.connect(dsn(postgres_url)) as conn:
            with pytest.raises(msgq.ConfigError, match="not asynchronous"):
                asyncio.run(delivery.aack(conn=conn))
            with pytest.raises(psycopg.errors.SyntaxError):
                conn.execute("nonsense")
            with pytest.raises(msgq.StoreRejectedError, match="roll it back"):
                delivery.ack(conn=conn)
        elsewhere = dsn(postgres_url).replace("/msgq?", "/postgres?")
        with (
            psycopg.connect(elsewhere) as conn,
            pytest.raises(msgq.SchemaError, match="no msgq in schema"),
        ):
            delivery.ack(conn=conn)
        delivery.ack()
    assert figures(postgres_url) == (1, 0, 0)


def test_other_transports_refuse(postgres_url: str) -> None:
    with psycopg.connect(dsn(postgres_url)) as conn, claimed("memory://") as (delivery,):
        with pytest.raises(msgq.UnsupportedError, match="memory"):
            delivery.ack(conn=conn)
        delivery.ack()


# --- handlers ---


class Shop:
    """An app on PostgreSQL with a table of its own, for what a handler does."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.url = url
        self.app = msgq.App(url, profile="test", **settings)
        self.table = f"{schema_of(url)}.effect"
        self.app.queue("work").depth()  # makes the schema
        with self.connect() as conn:
            conn.execute(f"create table {self.table} (name text)".encode())

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(dsn(self.url))

    def note(self, conn: Any, name: str = "x") -> None:
        run_sql(conn, f"insert into {self.table} values ('{name}')")

    def effects(self) -> int:
        with self.connect() as conn:
            (count,) = conn.execute(f"select count(*) from {self.table}".encode()).fetchone() or (
                0,
            )
            return int(count)

    def work(self, count: int = 1) -> None:
        """Until so many are done."""
        queue = self.app.queue("work")
        with self.app.worker(concurrency=1):
            await_true(lambda: queue.depth().done == count, "they are not done")

    def await_done(self, count: int) -> None:
        """Until this process, too, has counted so many: it settles what is committed already."""
        await_true(lambda: self.app.stats().traffic_of("work").done == count, "not counted as done")


@pytest.fixture
def shop(postgres_url: str) -> Iterator[Shop]:
    made = Shop(postgres_url, lease="2s")
    with made.app:
        yield made


def test_behind_a_pooler_a_handler_s_rows_and_ack_commit_together(pooled_url: str) -> None:
    failures = [ValueError("once"), None]
    shop = Shop(pooled_url, lease="2s")
    with shop.app:

        @shop.app.handler(queue="work", retry=msgq.RetryPolicy(base=0.01))
        def effect(ctx: msgq.Context, name: str) -> None:
            with shop.connect() as conn, ctx.transaction(conn):
                shop.note(conn, name)
                if error := failures.pop(0):
                    raise error

        effect.enqueue("x")
        shop.work()
        assert shop.effects() == 1


@pytest.mark.parametrize("driver", SYNC)
def test_a_handler_s_rows_sends_and_ack_commit_together(shop: Shop, driver: str) -> None:
    from django.db import connections

    failures = [ValueError("once"), None]
    sent = shop.app.queue("sent")

    @shop.app.handler(queue="work", retry=msgq.RetryPolicy(base=0.01))
    def effect(ctx: msgq.Context, name: str) -> None:
        with SYNC[driver](shop.url) as conn:
            if driver == "django":
                conn.set_autocommit(True)
                connections["default"] = conn
            with ctx.transaction(conn):
                shop.note(conn, name)
                sent.enqueue(name.encode(), conn=conn)
                if error := failures.pop(0):
                    raise error

    effect.enqueue("x")
    shop.work()
    assert shop.effects() == 1
    shop.await_done(1)
    assert [each.body for each in sent.claim(5, wait=5)] == [b"x"]


def test_whoever_saw_the_commit_return_asks_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[int]] = []
    bar = core().Engine.bar

    def told(engine: Any, lot: Any, indexes: Sequence[int]) -> list[int]:
        asked.append(indexes)
        return list(bar(engine, lot, indexes))

    monkeypatch.setattr(core().Engine, "bar", told)

    @shop.app.handler(queue="work")
    def effect(ctx: msgq.Context, by_hand: bool) -> None:
        with shop.connect() as conn:
            if by_hand:
                ctx.ack(conn=conn)
            else:
                with ctx.transaction(conn):
                    shop.note(conn)

    with shop.app.worker(concurrency=1):
        for count, by_hand in enumerate((False, False, True, False), 1):
            effect.enqueue(by_hand)
            shop.await_done(count)
    assert asked == [[0]], "of the one acknowledged by hand"


@pytest.mark.parametrize("driver", ASYNC)
def test_an_async_handler_s_rows_and_ack_commit_together(shop: Shop, driver: str) -> None:
    failures = [ValueError("once"), None]

    @shop.app.handler(queue="work", retry=msgq.RetryPolicy(base=0.01))
    async def effect(ctx: msgq.Context, name: str) -> None:
        async with ASYNC[driver](shop.url) as (conn, _, rollback):
            await rollback()
            async with ctx.atransaction(conn):
                await arun_sql(conn, f"insert into {shop.table} values ('{name}')")
                if error := failures.pop(0):
                    raise error

    effect.enqueue("x")
    shop.work()
    assert shop.effects() == 1
    shop.await_done(1)


def test_a_handler_that_lost_its_lease_changes_nothing(shop: Shop) -> None:
    errors: list[BaseException | None] = []

    @shop.app.handler(queue="work")
    def effect(ctx: msgq.Context) -> None:
        if ctx.attempt == 1:
            end_lease(shop.url)
        try:
            with shop.connect() as conn, ctx.transaction(conn):
                shop.note(conn)
        except msgq.LeaseLostError as error:
            errors.append(error)
            raise

    effect.enqueue()
    shop.work()
    assert len(errors) == 1
    assert shop.effects() == 1
    assert shop.app.queue("work").depth().done == 1


@pytest.mark.parametrize("error", [ValueError, psycopg.Rollback])
def test_a_transaction_that_was_rolled_back_is_no_ack_whatever_the_handler_returns(
    shop: Shop, error: type[Exception]
) -> None:
    tries: list[int] = []

    @shop.app.handler(queue="work", retry=msgq.RetryPolicy(base=0.01))
    def effect(ctx: msgq.Context) -> None:
        tries.append(ctx.attempt)
        with shop.connect() as conn, suppress(error), ctx.transaction(conn):
            shop.note(conn)
            if len(tries) == 1:
                raise error

    effect.enqueue()
    shop.work()
    assert len(tries) == 2
    assert shop.effects() == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_a_handler_that_rolled_back_and_returned_is_tried_again(shop: Shop, is_async: bool) -> None:
    seen: list[list[dict[str, Any]]] = []

    def act(ctx: msgq.Context) -> None:
        seen.append(ctx.history)
        with shop.connect() as conn:
            shop.note(conn)
            ctx.ack(conn=conn)
            if len(seen) == 1:
                conn.rollback()

    def effect(ctx: msgq.Context) -> None:
        act(ctx)

    async def aeffect(ctx: msgq.Context) -> None:
        act(ctx)

    options: dict[str, Any] = {"queue": "work", "retry": msgq.RetryPolicy(base=0.01)}
    if is_async:
        shop.app.handler(**options)(aeffect).enqueue()
    else:
        shop.app.handler(**options)(effect).enqueue()
    shop.work()
    assert "did not commit" in str(seen[1])
    assert shop.effects() == 1
    shop.await_done(1)


def test_what_a_handler_does_after_its_commit_no_longer_counts(shop: Shop) -> None:
    @shop.app.handler(queue="work")
    def effect(ctx: msgq.Context) -> None:
        with shop.connect() as conn, ctx.transaction(conn):
            shop.note(conn)
        raise msgq.Reject("too late")

    effect.enqueue()
    shop.work()
    depth = shop.app.queue("work").depth()
    shop.await_done(1)
    assert (depth.done, depth.dead, shop.effects()) == (1, 0, 1)


@pytest.mark.parametrize("commits", [True, False])
def test_a_transaction_left_open_decides_when_it_ends(shop: Shop, commits: bool) -> None:
    attempts: list[int] = []
    first = shop.connect()

    @shop.app.handler(queue="work")
    def effect(ctx: msgq.Context) -> None:
        attempts.append(ctx.attempt)
        with shop.connect() as conn:
            own = first if ctx.attempt == 1 else conn
            shop.note(own)
            ctx.ack(conn=own)

    effect.enqueue()
    queue = shop.app.queue("work")
    with closing(first), shop.app.worker(concurrency=1) as worker:
        await_true(lambda: bool(attempts), "it never ran")
        await_true(lambda: worker.running_count == 0, "it waits for the transaction")
        assert queue.depth().leased == 1
        if commits:
            first.commit()
        else:
            first.rollback()
        await_true(lambda: queue.depth().done == 1, "it is not done")
        worker.run_until_idle(20)
    assert attempts == ([1] if commits else [1, 2])
    assert shop.effects() == 1


def test_a_batch_is_acknowledged_as_one(shop: Shop) -> None:
    batches: list[int] = []

    @shop.app.handler(queue="work", batch=msgq.Batch(max_size=50, max_wait=0.2), name="effects")
    def effects(names: list[str], ctx: msgq.Context) -> None:
        with shop.connect() as conn, ctx.transaction(conn):
            for name in names:
                shop.note(conn, name)
            batches.append(len(names))
            if len(batches) == 1:
                raise ValueError("once")
        raise msgq.BatchError({0: ValueError("too late")})

    effects.enqueue_many([str(number) for number in range(50)])
    shop.work(50)
    assert shop.effects() == 50
    shop.await_done(50)
    assert shop.app.queue("work").depth().done == 50


def test_a_handler_that_takes_too_long_after_its_commit_is_done(shop: Shop) -> None:
    released = threading.Event()

    @shop.app.handler(queue="work", timeout=0.5)
    def effect(ctx: msgq.Context) -> None:
        with shop.connect() as conn, ctx.transaction(conn):
            shop.note(conn)
        released.wait(20)

    effect.enqueue()
    queue = shop.app.queue("work")
    with shop.app.worker(concurrency=1):
        await_true(lambda: queue.depth().done == 1, "it is not done")
        await_true(lambda: queue.depth().leased == 0, "it is still held")
        released.set()
    shop.await_done(1)
    assert (queue.depth().parked, shop.effects()) == (0, 1)


def test_a_handler_taken_over_cannot_acknowledge_any_more(shop: Shop) -> None:
    over = threading.Event()
    refused = threading.Event()

    @shop.app.handler(queue="work", timeout=0.2, retry=msgq.RetryPolicy(base=0.01))
    def effect(ctx: msgq.Context) -> None:
        if ctx.attempt > 1:
            over.set()
            return
        over.wait(20)
        with shop.connect() as conn:
            shop.note(conn)
            try:
                ctx.ack(conn=conn)
            except msgq.LeaseLostError:
                conn.rollback()
                refused.set()

    effect.enqueue()
    with shop.app.worker(concurrency=2):
        assert refused.wait(20)
    assert shop.effects() == 0


def test_a_context_of_another_transport_refuses(postgres_url: str) -> None:
    told: list[str] = []
    for url in ("memory://", "sync://"):
        with msgq.App(url, profile="test") as app, psycopg.connect(dsn(postgres_url)) as conn:

            @app.handler(queue="work")
            def effect(ctx: msgq.Context) -> None:
                try:
                    with ctx.transaction(conn):
                        pass
                except msgq.UnsupportedError as error:
                    told.append(str(error))

            effect.enqueue()
            if url == "memory://":
                with app.worker() as worker:
                    worker.run_until_idle(10)
    assert ["memory" in told[0], "sync" in told[1]] == [True, True]


def test_a_store_that_does_not_say_is_not_taken_for_an_open_transaction(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from types import SimpleNamespace
    from typing import cast

    from msgq._ack import Acks
    from msgq._decide import LEAVE

    def bar(_lot: Any, _indexes: Sequence[int]) -> list[int]:
        raise msgq.StoreUnavailableError("away")

    class Lot:
        def end_acks(self, _first: int, _last: int) -> list[int]:
            return [0]

    client = SimpleNamespace(transport="postgresql", config={"schema": "msgq"}, _store_name=None)
    acks = Acks(cast(Any, SimpleNamespace(bar=bar)), cast(Any, client))
    decided = acks.decided(cast(Any, None), cast(Any, Lot()), range(1), [], retries=True)
    assert [each[1] for each in decided] == [LEAVE]
    assert "cannot be found out: " in caplog.text
    assert "left its transaction open" not in caplog.text
