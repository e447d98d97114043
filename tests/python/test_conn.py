"""conn=: what is sent over the user's own connection comes with their commit, and only with it.

Each driver is driven the same way: a commit, a rollback, a savepoint rolled back inside a commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import psycopg2
import pytest

import msgq
from tests.support.drivers import ASYNC, SYNC, dsn, run_sql


def bodies(queue: msgq.Queue) -> list[bytes]:
    """Whatever comes within the time in which the outbox is looked at."""
    found = queue.claim(100, wait=1.0)
    for delivery in found:
        delivery.ack()
    return [delivery.body for delivery in found]


@contextmanager
def opened(url: str) -> Iterator[msgq.Queue]:
    with msgq.connect(url) as client:
        yield client.queue("letters")


@pytest.mark.parametrize("driver", SYNC)
def test_it_comes_with_the_commit(postgres_url: str, driver: str) -> None:
    with opened(postgres_url) as queue, SYNC[driver](postgres_url) as conn:
        receipt = queue.enqueue(b"one", conn=conn)
        many = queue.enqueue_many([b"two", b"three"], conn=conn)
        assert receipt.status == "uncommitted"
        assert receipt.done()
        assert len(many) == 2
        assert bodies(queue) == []
        conn.commit()
        assert bodies(queue) == [b"one", b"two", b"three"]


def test_behind_a_pooler_it_comes_with_the_commit(pooled_url: str) -> None:
    with opened(pooled_url) as queue, SYNC["psycopg"](pooled_url) as conn:
        queue.enqueue(b"gone", conn=conn)
        conn.rollback()
        queue.enqueue(b"kept", conn=conn)
        conn.commit()
        assert bodies(queue) == [b"kept"]


@pytest.mark.parametrize("driver", SYNC)
def test_it_goes_with_the_rollback(postgres_url: str, driver: str) -> None:
    with opened(postgres_url) as queue, SYNC[driver](postgres_url) as conn:
        queue.enqueue(b"gone", conn=conn)
        conn.rollback()
        queue.enqueue(b"kept", conn=conn)
        conn.commit()
        assert bodies(queue) == [b"kept"]


@pytest.mark.parametrize("driver", SYNC)
def test_it_goes_with_its_savepoint(postgres_url: str, driver: str) -> None:
    with opened(postgres_url) as queue, SYNC[driver](postgres_url) as conn:
        queue.enqueue(b"kept", conn=conn)
        run_sql(conn, "savepoint here")
        queue.enqueue(b"gone", conn=conn)
        run_sql(conn, "rollback to savepoint here")
        conn.commit()
        assert bodies(queue) == [b"kept"]


@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("driver", ASYNC)
def test_asynchronous_connections(postgres_url: str, driver: str, commits: bool) -> None:
    import asyncio

    async def send(queue: msgq.Queue) -> None:
        async with ASYNC[driver](postgres_url) as (conn, commit, rollback):
            receipt = await queue.aenqueue(b"one", conn=conn)
            assert receipt.status == "uncommitted"
            await queue.aenqueue_many([b"two"], conn=conn, headers={"h": "v"})
            await (commit() if commits else rollback())

    with opened(postgres_url) as queue:
        asyncio.run(send(queue))
        assert bodies(queue) == ([b"one", b"two"] if commits else [])


def test_a_handler_gets_what_was_sent_so(postgres_url: str) -> None:
    app = msgq.App(postgres_url)
    got: list[tuple[str, int]] = []
    both = threading.Event()

    @app.handler(queue="calls")
    def call(name: str, count: int) -> None:
        got.append((name, count))
        if len(got) == 2:
            both.set()

    with app.worker(), psycopg.connect(dsn(postgres_url)) as conn:
        call.using(conn=conn).enqueue("now", 1)
        call.using(conn=conn, delay=0.01).enqueue("later", 2)
        conn.commit()
        assert both.wait(20)
    assert sorted(got) == [("later", 2), ("now", 1)]


def test_priority_and_ttl_go_along(postgres_url: str) -> None:
    with opened(postgres_url) as queue, psycopg.connect(dsn(postgres_url)) as conn:
        queue.enqueue(b"low", conn=conn, priority="low", ttl="1h")
        queue.enqueue(b"high", conn=conn, priority="high")
        queue.enqueue(b"later", conn=conn, priority=10, delay=0.2)
        conn.commit()
        (high,) = queue.claim(wait=10)
        (low,) = queue.claim(wait=10)
        (later,) = queue.claim(wait=10)
        assert (high.body, high.priority, high.expires_at) == (b"high", 8, None)
        assert (low.body, low.priority, low.expires_at is None) == (b"low", 2, False)
        assert (later.body, later.priority) == (b"later", 10)


@pytest.mark.parametrize(
    ("said", "why"),
    [("priority => 11", "allowed are 1 to 10"), ("priority => null", "allowed are 1 to 10"),
     ("ttl => interval '0'", "must be more"),
     ("ttl => interval '1 s', delay => interval '2 s'", "never be run")],
)  # fmt: skip
def test_sql_refuses_what_makes_no_sense(postgres_url: str, said: str, why: str) -> None:
    with opened(postgres_url) as queue, psycopg.connect(dsn(postgres_url)) as conn:
        queue.enqueue(b"x")
        schema = postgres_url.rpartition("schema=")[2]
        with pytest.raises(psycopg.Error, match=why):
            conn.execute(f"select {schema}.enqueue('q', 'x'::text, {said})".encode())


def test_wrong_connections_are_refused(postgres_url: str, tmp_path: Any) -> None:
    with opened(postgres_url) as queue:
        with (
            closing(sqlite3.connect(tmp_path / "other.db")) as other,
            pytest.raises(msgq.UnsupportedError, match=r"sqlite3\.Connection"),
        ):
            queue.enqueue(b"x", conn=other)
        with psycopg.connect(dsn(postgres_url), autocommit=True) as conn:
            with pytest.raises(msgq.ConfigError, match="autocommit"):
                queue.enqueue(b"x", conn=conn)
            with conn.transaction():
                queue.enqueue(b"in a transaction", conn=conn)
        with psycopg.connect(dsn(postgres_url)) as conn:
            with pytest.raises(psycopg.errors.SyntaxError):
                conn.execute("nonsense")
            with pytest.raises(msgq.StoreRejectedError, match="roll it back"):
                queue.enqueue(b"x", conn=conn)
        with closing(psycopg2.connect(dsn(postgres_url))) as conn:
            conn.autocommit = True
            with pytest.raises(msgq.ConfigError, match="autocommit"):
                queue.enqueue(b"x", conn=conn)
            with conn:
                queue.enqueue(b"in a block of psycopg2", conn=conn)
        elsewhere = dsn(postgres_url).replace("/msgq?", "/postgres?")
        with (
            psycopg.connect(elsewhere) as conn,
            pytest.raises(msgq.SchemaError, match="no msgq in schema"),
        ):
            queue.enqueue(b"x", conn=conn)
        # Two commits: a look at the outbox may fall between them.
        assert bodies(queue) + bodies(queue) == [b"in a transaction", b"in a block of psycopg2"]
    with (
        msgq.connect("memory://") as client,
        psycopg.connect(dsn(postgres_url)) as conn,
        pytest.raises(msgq.UnsupportedError, match="memory"),
    ):
        client.queue("letters").enqueue(b"x", conn=conn)


@pytest.fixture
def elsewhere(postgres_url: str) -> Iterator[str]:
    """A store in another database, whose schema has the same name."""
    url = postgres_url.replace("/msgq?", "/postgres?")
    with msgq.connect(url) as client:
        client.queue("letters").enqueue(b"its own")
    yield dsn(url)
    with psycopg.connect(dsn(url)) as conn:
        conn.execute(f"drop schema {postgres_url.rpartition('schema=')[2]} cascade".encode())


def test_a_store_of_the_same_name_elsewhere_is_another(postgres_url: str, elsewhere: str) -> None:
    import asyncio

    async def send(queue: msgq.Queue) -> None:
        async with await psycopg.AsyncConnection.connect(elsewhere) as conn:
            await queue.aenqueue(b"x", conn=conn)

    with opened(postgres_url) as queue:
        with psycopg.connect(elsewhere) as conn:
            with pytest.raises(msgq.ConfigError, match="leads to another database"):
                queue.enqueue(b"x", conn=conn)
            conn.execute("select 1")  # the user's transaction goes on
        with psycopg.connect(dsn(postgres_url)) as conn:
            schema = postgres_url.rpartition("schema=")[2]
            conn.execute(f"update {schema}.directory set mark = gen_random_uuid()".encode())
            with pytest.raises(msgq.ConfigError, match="leads to another database"):
                queue.enqueue(b"x", conn=conn)
            conn.rollback()
        with pytest.raises(msgq.ConfigError, match="leads to another database"):
            asyncio.run(send(queue))
        queue.enqueue(b"here")
        (delivery,) = queue.claim(1, wait=5)
        with (
            psycopg.connect(elsewhere) as conn,
            pytest.raises(msgq.ConfigError, match="leads to another database"),
        ):
            delivery.ack(conn=conn)
        delivery.ack()
    with opened(f"{elsewhere}&{postgres_url.rpartition('&')[2]}") as queue:
        assert bodies(queue) == [b"its own"]


@pytest.mark.parametrize(
    ("before", "error", "says"),
    [
        ("set transaction read only", msgq.StoreRejectedError, "primary.*25006"),
        ("create role {role}; set local role {role}", msgq.StoreRejectedError, "grant.*42501"),
        ("set local lock_timeout = '1ms'", msgq.WaitTimeoutError, "try again.*55P03"),
        ("set local statement_timeout = '50ms'", msgq.WaitTimeoutError, "try again.*57014"),
    ],
)
@pytest.mark.parametrize("driver", SYNC)
def test_what_the_server_refuses_is_told_with_the_next_step(
    postgres_url: str, driver: str, before: str, error: type[msgq.MsgqError], says: str
) -> None:
    schema = postgres_url.rpartition("schema=")[2]
    with (
        opened(postgres_url) as queue,
        psycopg.connect(dsn(postgres_url)) as holder,
        SYNC[driver](postgres_url) as conn,
    ):
        queue.enqueue(b"the tables are there")
        assert bodies(queue) == [b"the tables are there"]
        if "timeout" in before:
            holder.execute(f"lock table {schema}.outbox".encode())
        run_sql(conn, before.format(role=f"{schema}_nobody"))
        with pytest.raises(error, match=says):
            queue.enqueue(b"x", conn=conn)
        conn.rollback()
        holder.rollback()
        queue.enqueue(b"after", conn=conn)
        conn.commit()
        assert bodies(queue) == [b"after"]


@pytest.mark.parametrize("driver", SYNC)
def test_a_transaction_that_has_failed_is_to_be_rolled_back(postgres_url: str, driver: str) -> None:
    with opened(postgres_url) as queue, SYNC[driver](postgres_url) as conn:
        with pytest.raises(Exception, match="nonsense"):
            run_sql(conn, "nonsense")
        with pytest.raises(msgq.StoreRejectedError, match="roll it back"):
            queue.enqueue(b"x", conn=conn)


def test_a_block_of_django_that_has_failed_is_to_be_rolled_back(postgres_url: str) -> None:
    with opened(postgres_url) as queue, SYNC["django"](postgres_url) as conn:
        conn.set_autocommit(True)
        conn.in_atomic_block, conn.needs_rollback = True, True  # as inside of a broken atomic()
        with pytest.raises(msgq.StoreRejectedError, match="roll it back"):
            queue.enqueue(b"x", conn=conn)
        conn.in_atomic_block, conn.needs_rollback = False, False


def test_a_session_of_sqlalchemy_that_has_failed_is_to_be_rolled_back(postgres_url: str) -> None:
    with opened(postgres_url) as queue, SYNC["sqlalchemy session"](postgres_url) as conn:
        run_sql(conn, "select 1")
        conn.connection().invalidate()
        with pytest.raises(msgq.StoreRejectedError, match="roll it back"):
            queue.enqueue(b"x", conn=conn)
