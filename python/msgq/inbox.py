"""The inbox in a database of yours: which messages were handled with it, in your own transaction.

A table msgq_inbox that create() makes, or your migrations do by DDL. PostgreSQL, and SQLite from
3.35 on. Thread: the connection's.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgq._conn import ASYNC, SYNC, Call, require_kind
from msgq.duration import Duration, now_ms, parse_duration
from msgq.errors import ConfigError

DDL: Final = (
    "create table if not exists msgq_inbox (message varchar(36) not null, "
    "handler varchar(255) not null, at bigint not null, primary key (message, handler))"
)
"""The table: the id of a message, the name of its handler, when, in Unix seconds."""
_NOTE: Final = (
    "insert into msgq_inbox (message, handler, at) values ({message}::varchar, {handler}::varchar, "
    "{at}::bigint) on conflict do nothing returning at"
)
_PURGE: Final = "delete from msgq_inbox where at < {at}::bigint returning at"
_MISSING: Final = re.compile(r"no such table|msgq_inbox.* does not exist")


def create(conn: Any) -> None:
    """Makes the table where it is not there, in the transaction that is open on the connection."""
    _run(conn, DDL, {})


async def acreate(conn: Any) -> None:
    """Twin of create, for asynchronous connections."""
    await _arun(conn, DDL, {})


def purge(conn: Any, older_than: Duration = "30d") -> int:
    """Deletes what was handled so long ago; gives how many.

    Keep it for longer than a message may come again: by retries, or as a redriven dead letter.
    """
    return len(_run(conn, _PURGE, _before(older_than)))


async def apurge(conn: Any, older_than: Duration = "30d") -> int:
    """Twin of purge, for asynchronous connections."""
    return len(await _arun(conn, _PURGE, _before(older_than)))


def note(conn: Any, message: str, handler: str) -> bool:
    """Notes that a handler handles a message; False: it is noted already.

    Raises ConfigError without the table, UnsupportedError and ConfigError as enqueue(conn=...).
    """
    return bool(_run(conn, _NOTE, _seen(message, handler)))


async def anote(conn: Any, message: str, handler: str) -> bool:
    """Twin of note, for asynchronous connections."""
    return bool(await _arun(conn, _NOTE, _seen(message, handler)))


def _seen(message: str, handler: str) -> dict[str, Any]:
    return {"message": message, "handler": handler, "at": now_ms() // 1000}


def _before(older_than: Duration) -> dict[str, Any]:
    return {"at": now_ms() // 1000 - int(parse_duration(older_than, "older_than"))}


def _run(conn: Any, sql: str, values: dict[str, Any]) -> list[Any]:
    kind = require_kind(conn, _SYNC)
    try:
        return _SYNC[kind](conn, Call("", sql, values))
    except Exception as error:
        _explain(error)
        raise


async def _arun(conn: Any, sql: str, values: dict[str, Any]) -> list[Any]:
    kind = require_kind(conn, _ASYNC)
    try:
        return await _ASYNC[kind](conn, Call("", sql, values))
    except Exception as error:
        _explain(error)
        raise


def _explain(error: Exception) -> None:
    if _MISSING.search(str(error)):
        raise ConfigError(
            "the database of this connection has no table msgq_inbox: make it once, with "
            "msgq.inbox.create(conn) or msgq.inbox.DDL in your migrations"
        ) from error


def _untyped(conn: Any, call: Call, mark: str) -> list[Any]:
    """Runs it on SQLite, which knows no casts by ::."""
    statement, values = call.positional(mark)
    cursor = conn.cursor()
    cursor.execute(re.sub(r"::\w+", "", statement), values)
    return list(cursor.fetchall())


def _sqlite(conn: Any, call: Call) -> list[Any]:
    if conn.isolation_level is None and not conn.in_transaction:
        raise ConfigError(
            "this sqlite3 connection is in autocommit and no transaction is open on it: begin one"
        )
    return _untyped(conn, call, "?")


def _django(conn: Any, call: Call) -> list[Any]:
    if conn.vendor != "sqlite":
        return SYNC["django.BaseDatabaseWrapper"](conn, call)
    if not conn.in_atomic_block and conn.get_autocommit():
        raise ConfigError("no transaction is open on this connection of Django: use atomic()")
    return _untyped(conn, call, "%s")


_SYNC: Final[dict[str, Callable[[Any, Call], list[Any]]]] = {
    **SYNC,
    "sqlite3.Connection": _sqlite,
    "django.BaseDatabaseWrapper": _django,
    "django.ConnectionProxy": _django,
}
_ASYNC: Final[dict[str, Callable[[Any, Call], Awaitable[list[Any]]]]] = dict(ASYNC)
