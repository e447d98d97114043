"""conn=: what is sent over the user's own connection comes with their commit, and only with it.

Each driver is driven the same way: a commit, a rollback, a savepoint rolled back inside a commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psycopg
import psycopg2
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import msgq


def _dsn(url: str) -> str:
    """The URL without msgq's own option."""
    return url.partition("&schema=")[0]


@contextmanager
def _psycopg(url: str) -> Iterator[Any]:
    with psycopg.connect(_dsn(url)) as conn:
        yield conn


@contextmanager
def _psycopg2(url: str) -> Iterator[Any]:
    conn = psycopg2.connect(_dsn(url))
    yield conn
    conn.close()


@contextmanager
def _alchemy(url: str) -> Iterator[Any]:
    engine = create_engine(_dsn(url).replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as conn:
        yield conn
    engine.dispose()


@contextmanager
def _alchemy_session(url: str) -> Iterator[Any]:
    engine = create_engine(_dsn(url).replace("postgresql://", "postgresql+psycopg2://"))
    with Session(engine) as session:
        yield session
    engine.dispose()


@contextmanager
def _django(url: str) -> Iterator[Any]:
    import django
    from django.conf import settings
    from django.db.backends.postgresql.base import DatabaseWrapper

    if not settings.configured:
        settings.configure(USE_TZ=True)
        django.setup()
    place, options = urlsplit(_dsn(url)), parse_qs(urlsplit(_dsn(url)).query)
    conn = DatabaseWrapper(
        {
            "ENGINE": "django.db.backends.postgresql", "NAME": place.path[1:], "OPTIONS": {},
            "USER": place.username, "PASSWORD": "", "HOST": options["host"][0],
            "PORT": options["port"][0], "AUTOCOMMIT": True, "TIME_ZONE": None,
            "CONN_HEALTH_CHECKS": False, "CONN_MAX_AGE": 0, "ATOMIC_REQUESTS": False,
        }
    )  # fmt: skip
    conn.set_autocommit(False)
    yield conn
    conn.close()


SYNC: dict[str, Callable[[str], Any]] = {
    "psycopg": _psycopg,
    "psycopg2": _psycopg2,
    "sqlalchemy": _alchemy,
    "sqlalchemy session": _alchemy_session,
    "django": _django,
}


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


@pytest.mark.parametrize("driver", SYNC)
def test_it_goes_with_the_rollback(postgres_url: str, driver: str) -> None:
    with opened(postgres_url) as queue, SYNC[driver](postgres_url) as conn:
        queue.enqueue(b"gone", conn=conn)
        conn.rollback()
        queue.enqueue(b"kept", conn=conn)
        conn.commit()
        assert bodies(queue) == [b"kept"]


def _run(conn: Any, sql: str) -> None:
    """One statement, by whatever name the driver has for that."""
    if hasattr(conn, "cursor"):
        with conn.cursor() as cursor:
            cursor.execute(sql)
    else:
        from sqlalchemy import text

        conn.execute(text(sql))


@pytest.mark.parametrize("driver", SYNC)
def test_it_goes_with_its_savepoint(postgres_url: str, driver: str) -> None:
    with opened(postgres_url) as queue, SYNC[driver](postgres_url) as conn:
        queue.enqueue(b"kept", conn=conn)
        _run(conn, "savepoint here")
        queue.enqueue(b"gone", conn=conn)
        _run(conn, "rollback to savepoint here")
        conn.commit()
        assert bodies(queue) == [b"kept"]


@asynccontextmanager
async def _apsycopg(url: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    conn = await psycopg.AsyncConnection.connect(_dsn(url))
    yield conn, conn.commit, conn.rollback
    await conn.close()


@asynccontextmanager
async def _asyncpg(url: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    conn = await asyncpg.connect(_dsn(url))
    turn = conn.transaction()
    await turn.start()
    yield conn, turn.commit, turn.rollback
    await conn.close()


@asynccontextmanager
async def _aalchemy(url: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    engine = create_async_engine(_dsn(url).replace("postgresql://", "postgresql+psycopg://"))
    async with AsyncSession(engine) as session:
        yield session, session.commit, session.rollback
    await engine.dispose()


ASYNC: dict[str, Callable[[str], Any]] = {
    "psycopg": _apsycopg,
    "asyncpg": _asyncpg,
    "sqlalchemy session": _aalchemy,
}


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

    with app.worker(), psycopg.connect(_dsn(postgres_url)) as conn:
        call.using(conn=conn).enqueue("now", 1)
        call.using(conn=conn, delay=0.01).enqueue("later", 2)
        conn.commit()
        assert both.wait(20)
    assert sorted(got) == [("later", 2), ("now", 1)]


def test_wrong_connections_are_refused(postgres_url: str, tmp_path: Any) -> None:
    with opened(postgres_url) as queue:
        with (
            closing(sqlite3.connect(tmp_path / "other.db")) as other,
            pytest.raises(msgq.UnsupportedError, match=r"sqlite3\.Connection"),
        ):
            queue.enqueue(b"x", conn=other)
        with psycopg.connect(_dsn(postgres_url), autocommit=True) as conn:
            with pytest.raises(msgq.ConfigError, match="autocommit"):
                queue.enqueue(b"x", conn=conn)
            with conn.transaction():
                queue.enqueue(b"in a transaction", conn=conn)
        with psycopg.connect(_dsn(postgres_url)) as conn:
            with pytest.raises(psycopg.errors.SyntaxError):
                conn.execute("nonsense")
            with pytest.raises(msgq.StoreRejectedError, match="roll it back"):
                queue.enqueue(b"x", conn=conn)
        elsewhere = _dsn(postgres_url).replace("/msgq?", "/postgres?")
        with (
            psycopg.connect(elsewhere) as conn,
            pytest.raises(msgq.SchemaError, match="no msgq in schema"),
        ):
            queue.enqueue(b"x", conn=conn)
        assert bodies(queue) == [b"in a transaction"]
    with (
        msgq.connect("memory://") as client,
        psycopg.connect(_dsn(postgres_url)) as conn,
        pytest.raises(msgq.UnsupportedError, match="memory"),
    ):
        client.queue("letters").enqueue(b"x", conn=conn)
