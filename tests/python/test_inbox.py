"""A message is handled once with a database of the user's own, whatever store it came from."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

import msgq
from msgq import inbox, testing
from tests.python.conftest import MakeApp
from tests.support.drivers import dsn
from tests.support.stores import TRANSPORTS, behind_pooler

APP_STORES = TRANSPORTS


@behind_pooler
def test_a_handler_acts_once_whatever_store_its_message_is_of(
    app: msgq.App, tmp_path: Path
) -> None:
    path = tmp_path / "mine.db"
    done: list[int] = []
    with sqlite3.connect(path) as conn:
        inbox.create(conn)

    @app.handler(queue="q", retry=msgq.RetryPolicy(base=0.0))
    def act(ctx: msgq.Context, n: int) -> None:
        with sqlite3.connect(path) as conn:
            if ctx.once(conn):
                done.append(n)
        if ctx.attempt == 1:
            raise ValueError

    act.enqueue(1)
    if app.transport != "sync":
        while app.queue("q").depth().done < 1:
            testing.run_until_idle(app, ["q"], 10)
    assert done == [1]


def test_each_subscription_acts_by_itself(make_app: MakeApp, tmp_path: Path) -> None:
    app, path, done = make_app(), tmp_path / "mine.db", list[str]()
    with sqlite3.connect(path) as conn:
        inbox.create(conn)

    def act(ctx: msgq.Context) -> None:
        with sqlite3.connect(path) as conn:
            if ctx.once(conn):
                done.append(ctx.queue)

    @app.handler(queue="q")
    def ship(ctx: msgq.Context, n: int) -> None:
        act(ctx)

    for name in ("audit", "mail"):
        app.queue("q").subscribe(name)

        @app.handler(queue="q", subscription=name)
        def read(ctx: msgq.Context, body: object) -> None:
            act(ctx)

    ship.enqueue(1)
    testing.run_until_idle(app, ["q", "q@audit", "q@mail"], 10)
    assert sorted(done) == ["q", "q@audit", "q@mail"]


def test_sqlite3_of_ones_own(tmp_path: Path) -> None:
    conn, context = sqlite3.connect(tmp_path / "mine.db"), testing.context()
    with pytest.raises(msgq.ConfigError, match=r"inbox\.create"):
        context.once(conn)
    with conn:
        inbox.create(conn)
        inbox.create(conn)
    assert context.once(conn)
    assert not context.once(conn)
    conn.rollback()
    with conn:
        assert context.once(conn)
        assert testing.context().once(conn)
    assert not context.once(conn)
    assert inbox.purge(conn) == 0
    conn.execute("update msgq_inbox set at = at - 90000")
    assert inbox.purge(conn, "1d") == 2
    assert context.once(conn)
    conn.commit()
    conn.isolation_level = None
    with pytest.raises(msgq.ConfigError, match="autocommit"):
        context.once(conn)
    conn.close()


def test_sqlalchemy_on_sqlite(tmp_path: Path) -> None:
    engine, context = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/mine.db"), testing.context()
    with engine.begin() as conn:
        inbox.create(conn)
        assert [context.once(conn) for _ in range(2)] == [True, False]
    engine.dispose()


def test_postgres_of_ones_own(postgres_url: str) -> None:
    context = testing.context()
    with psycopg.connect(dsn(postgres_url)) as conn:
        conn.execute("create temporary table msgq_inbox (like pg_class)")
        conn.execute("drop table msgq_inbox")
        conn.execute(inbox.DDL.replace("table if not exists", "temporary table"))
        conn.commit()
        assert [context.once(conn) for _ in range(2)] == [True, False]
        conn.rollback()
        assert context.once(conn)
        conn.commit()
        assert not context.once(conn)
        assert inbox.purge(conn, 0.0) in (0, 1)

    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(dsn(postgres_url)) as conn:
            await conn.execute(inbox.DDL.replace("table if not exists", "temporary table"))
            assert [await context.aonce(conn) for _ in range(2)] == [True, False]
            await inbox.acreate(conn)
            assert await inbox.apurge(conn) == 0

    asyncio.run(main())


def test_a_batch_has_several_messages(tmp_path: Path) -> None:
    context = testing.context()
    context._indexes = (0, 1)
    with (
        sqlite3.connect(tmp_path / "mine.db") as conn,
        pytest.raises(msgq.UnsupportedError, match="batch"),
    ):
        context.once(conn)
