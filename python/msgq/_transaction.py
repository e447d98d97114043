"""One transaction on a connection of the user's own, begun and ended as its driver does it.

Thread: the connection's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any, Final

from msgq._conn import arefuse_autocommit, refuse_autocommit, require_kind
from msgq.errors import ConfigError


@contextmanager
def begin(conn: Any) -> Iterator[None]:
    """Begins a transaction; commits at the end of the block, rolls back when that raises.

    Raises ConfigError when one is open already, or the connection is closed or asynchronous.
    """
    kind = require_kind(conn, _SYNC)
    with _SYNC[kind](conn):
        yield


@asynccontextmanager
async def abegin(conn: Any) -> AsyncIterator[None]:
    """Twin of begin."""
    kind = require_kind(conn, _ASYNC)
    async with _ASYNC[kind](conn):
        yield


def _require_none(is_open: bool) -> None:
    if is_open:
        raise ConfigError(
            "a transaction is open on this connection already: end it first, or acknowledge in it "
            "with ack(conn=...) and commit it yourself"
        )


def _psycopg(conn: Any) -> Any:
    _require_none(conn.info.transaction_status != 0)
    return conn.transaction()


@contextmanager
def _psycopg2(conn: Any) -> Iterator[None]:
    _require_none(conn.get_transaction_status() != 0)
    with conn:
        yield


@contextmanager
def _django(conn: Any) -> Iterator[None]:
    if conn.vendor != "postgresql":
        raise ConfigError(f"this connection of Django is to {conn.vendor}, not to PostgreSQL")
    raw = conn.connection
    is_open = raw is not None and not raw.closed and raw.info.transaction_status != 0
    _require_none(conn.in_atomic_block or is_open)
    if conn.get_autocommit():
        from django.db.transaction import atomic

        with atomic(using=conn.alias):
            yield
        return
    try:
        yield
    except BaseException:
        conn.rollback()
        raise
    conn.commit()


@contextmanager
def _alchemy(conn: Any) -> Iterator[None]:
    own = conn() if callable(conn) else conn  # of a scoped session
    _require_none(own.in_transaction())
    with own.begin():
        refuse_autocommit(own)  # nothing was written yet
        yield


@asynccontextmanager
async def _aalchemy(conn: Any) -> AsyncIterator[None]:
    own = conn() if callable(conn) else conn
    _require_none(own.in_transaction())
    async with own.begin():
        await arefuse_autocommit(own)
        yield


def _asyncpg(conn: Any) -> Any:
    _require_none(conn.is_in_transaction())
    return conn.transaction()


_SYNC: Final[dict[str, Callable[[Any], AbstractContextManager[Any]]]] = {
    "psycopg.Connection": _psycopg,
    "psycopg2.connection": _psycopg2,
    "django.BaseDatabaseWrapper": _django,
    "django.ConnectionProxy": _django,
    "sqlalchemy.Connection": _alchemy,
    "sqlalchemy.Session": _alchemy,
    "sqlalchemy.scoped_session": _alchemy,
}
_ASYNC: Final[dict[str, Callable[[Any], AbstractAsyncContextManager[Any]]]] = {
    "psycopg.AsyncConnection": _psycopg,
    "asyncpg.Connection": _asyncpg,
    "asyncpg.PoolConnectionProxy": _asyncpg,
    "sqlalchemy.AsyncConnection": _aalchemy,
    "sqlalchemy.AsyncSession": _aalchemy,
    "sqlalchemy.async_scoped_session": _aalchemy,
}
