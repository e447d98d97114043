"""A transaction on the user's connection: each driver's own, from begin to commit or rollback."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import msgq
from msgq._transaction import abegin, begin
from tests.support.drivers import ASYNC, SYNC, arun_sql, dsn, run_sql
from tests.support.postgres import PostgresServer


class Table:
    """A table in a place of its own."""

    def __init__(self, server: PostgresServer) -> None:
        self.url = f"{server.url}&schema=none"
        self.name = f"t_{uuid.uuid4().hex}"
        self.insert = f"insert into {self.name} values (1)"
        self._run(f"create table {self.name} (x int)")

    def _run(self, sql: str) -> Any:
        with psycopg.connect(dsn(self.url)) as conn:
            found = conn.execute(sql.encode())
            return found.fetchone() if found.description else None

    @property
    def rows(self) -> int:
        return int(self._run(f"select count(*) from {self.name}")[0])

    def drop(self) -> None:
        self._run(f"drop table {self.name}")


@pytest.fixture
def table(postgres_server: PostgresServer) -> Iterator[Table]:
    made = Table(postgres_server)
    yield made
    made.drop()


@pytest.mark.parametrize("driver", SYNC)
def test_it_commits_at_the_end_and_rolls_back_an_error(table: Table, driver: str) -> None:
    with SYNC[driver](table.url) as conn:
        with begin(conn):
            run_sql(conn, table.insert)
            assert table.rows == 0
        assert table.rows == 1
        with suppress(ZeroDivisionError), begin(conn):
            run_sql(conn, table.insert)
            raise ZeroDivisionError
        with begin(conn):
            pass
    assert table.rows == 1


def url_for_alchemy(table: Table) -> str:
    return dsn(table.url).replace("postgresql://", "postgresql+psycopg://")


def test_sqlalchemy_in_autocommit_is_refused_before_anything_is_written(table: Table) -> None:
    engine = create_engine(url_for_alchemy(table), isolation_level="AUTOCOMMIT")
    with engine.connect() as conn, pytest.raises(msgq.ConfigError, match="autocommit"), begin(conn):
        run_sql(conn, table.insert)
    with Session(engine) as session, pytest.raises(msgq.ConfigError), begin(session):
        run_sql(session, table.insert)
    engine.dispose()

    async def use() -> None:
        aengine = create_async_engine(url_for_alchemy(table), isolation_level="AUTOCOMMIT")
        async with aengine.connect() as conn:
            with pytest.raises(msgq.ConfigError, match="autocommit"):
                async with abegin(conn):
                    await arun_sql(conn, table.insert)
        await aengine.dispose()

    asyncio.run(use())
    assert table.rows == 0


def test_a_scoped_session_is_as_good_as_its_session(table: Table) -> None:
    engine = create_engine(url_for_alchemy(table))
    session = scoped_session(sessionmaker(engine))
    with begin(session):
        run_sql(session, table.insert)
    assert table.rows == 1
    session.remove()
    engine.dispose()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_it_commits_in_autocommit_too(table: Table, driver: str) -> None:
    with SYNC[driver](table.url) as conn:
        conn.autocommit = True
        with begin(conn):
            run_sql(conn, table.insert)
            assert table.rows == 0
        assert table.rows == 1


def test_django_s_own_block_is_used_in_autocommit(table: Table) -> None:
    from django.db import connections, transaction

    with SYNC["django"](table.url) as conn:
        conn.set_autocommit(True)
        connections["default"] = conn
        seen: list[int] = []
        with begin(conn):
            run_sql(conn, table.insert)
            transaction.on_commit(lambda: seen.append(table.rows))
            assert table.rows == 0
        assert seen == [1]
        with transaction.atomic(), pytest.raises(msgq.ConfigError, match="open"), begin(conn):
            pass


@pytest.mark.parametrize("driver", SYNC)
def test_an_open_one_is_refused(table: Table, driver: str) -> None:
    with SYNC[driver](table.url) as conn:
        run_sql(conn, table.insert)
        refused = pytest.raises(msgq.ConfigError, match=r"open on this connection.*ack\(conn=")
        with refused, begin(conn):
            pass
        conn.rollback()
    assert table.rows == 0


@pytest.mark.parametrize("driver", ASYNC)
def test_asynchronous_ones(table: Table, driver: str) -> None:
    async def run() -> None:
        async with ASYNC[driver](table.url) as (conn, _, rollback):
            await rollback()
            async with abegin(conn):
                await arun_sql(conn, table.insert)
                assert table.rows == 0
                with pytest.raises(msgq.ConfigError, match="open on this connection"):
                    async with abegin(conn):
                        pass
            assert table.rows == 1
            with suppress(ZeroDivisionError):
                async with abegin(conn):
                    await arun_sql(conn, table.insert)
                    raise ZeroDivisionError
            with pytest.raises(msgq.ConfigError, match="is asynchronous"), begin(conn):
                pass

    asyncio.run(run())
    assert table.rows == 1
