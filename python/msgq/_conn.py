"""Sends over a connection of the user's own, in the transaction that is open on it.

psycopg 3 (sync and async), psycopg2, asyncpg, SQLAlchemy 2 (Connection, Session, their async twins)
and Django's connection: each a few lines over the function `enqueue` of msgq's schema. No driver is
imported here. Thread: the connection's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgq.errors import ConfigError, SchemaError, StoreRejectedError, UnsupportedError

UNCOMMITTED: Final = 6
_SQL: Final = (
    "select {schema}.enqueue({queue}::text, t.body, t.headers::jsonb, "
    "make_interval(secs => {delay}::float8), null, {handler}::text, {content}::int) "
    "from unnest({bodies}::bytea[], {headers}::text[]) with ordinality as t(body, headers, i) "
    "order by t.i"
)
_NAMES: Final = ("queue", "delay", "handler", "content", "bodies", "headers")
_NOT_THERE: Final = ("42883", "3F000", "42P01")
_ABORTED: Final = "25P02"


class Letters(NamedTuple):
    """What is sent in one statement: bodies of one kind for one queue."""

    schema: str
    queue: str
    handler: str
    content: int
    bodies: Sequence[bytes]
    headers: Sequence[bytes | None]
    delay_ms: int | None

    def values(self) -> dict[str, Any]:
        """Gives the statement's parameters by name."""
        delay = None if self.delay_ms is None else self.delay_ms / 1000
        headers = [each.decode() if each else None for each in self.headers]
        found = (self.queue, delay, self.handler, self.content, list(self.bodies), headers)
        return dict(zip(_NAMES, found, strict=True))


class Uncommitted:
    """Stands for a receipt of the core: the caller's commit decides, nothing else will be told."""

    status = UNCOMMITTED

    def __init__(self, ids: list[bytes]) -> None:
        self._ids = ids
        self.count = len(ids)

    def id(self, index: int = 0) -> bytes:
        """Gives the id of one message."""
        return self._ids[index]

    def wait(self, _timeout: float | None) -> bool:
        """Says that there is nothing to wait for."""
        return True

    def error(self) -> None:
        """Says that nothing went wrong."""


def send(conn: Any, letters: Letters) -> Uncommitted:
    """Sends over a connection that is not asynchronous.

    Raises UnsupportedError for connections nobody knows, ConfigError for one outside a transaction
    (it would commit each message by itself), SchemaError when its database has no such schema,
    StoreRejectedError in a transaction that has failed.
    """
    kind = _kind(conn)
    if kind in _ASYNC:
        raise ConfigError(f"{_name(conn)} is asynchronous: use the aenqueue twins with it")
    try:
        rows = _SYNC[kind](conn, letters)
    except Exception as error:
        _translate(error, letters.schema)
        raise
    return Uncommitted([_bytes(row[0]) for row in rows])


async def asend(conn: Any, letters: Letters) -> Uncommitted:
    """Sends over an asynchronous connection. Raises as send()."""
    kind = _kind(conn)
    if kind not in _ASYNC:
        raise ConfigError(f"{_name(conn)} is not asynchronous: use enqueue with it, not aenqueue")
    try:
        rows = await _ASYNC[kind](conn, letters)
    except Exception as error:
        _translate(error, letters.schema)
        raise
    return Uncommitted([_bytes(row[0]) for row in rows])


def _name(conn: Any) -> str:
    return f"{type(conn).__module__}.{type(conn).__qualname__}"


def _kind(conn: Any) -> str:
    """Finds the driver by the names of the classes that the connection is of."""
    for each in type(conn).__mro__:
        package = each.__module__.partition(".")[0]
        kind = f"{package}.{each.__qualname__}"
        if kind in _SYNC or kind in _ASYNC:
            return kind
    raise UnsupportedError(
        f"conn= is {_name(conn)}; there are connections of psycopg, psycopg2, asyncpg, SQLAlchemy "
        "and Django"
    )


def _require(is_in_transaction: bool, conn: Any) -> None:
    if not is_in_transaction:
        raise ConfigError(
            f"{_name(conn)} is in autocommit and no transaction is open on it: begin one, or leave "
            "conn= out"
        )


def _positional(letters: Letters, mark: str) -> tuple[str, tuple[Any, ...]]:
    """Gives the statement with %s or $1 .. $6 in the order of its text."""
    marks = {name: mark.format(number) for number, name in enumerate(_NAMES, 1)}
    return _SQL.format(schema=letters.schema, **marks), tuple(letters.values().values())


def _by_cursor(conn: Any, letters: Letters) -> list[Any]:
    statement, values = _positional(letters, "%s")
    with conn.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _psycopg(conn: Any, letters: Letters) -> list[Any]:
    _require(not conn.autocommit or conn.info.transaction_status != 0, conn)
    return _by_cursor(conn, letters)


def _psycopg2(conn: Any, letters: Letters) -> list[Any]:
    _require(not conn.autocommit or conn.get_transaction_status() != 0, conn)
    return _by_cursor(conn, letters)


def _django(conn: Any, letters: Letters) -> list[Any]:
    _require(conn.in_atomic_block or not conn.get_autocommit(), conn)
    return _by_cursor(conn, letters)


def _alchemy_statement(letters: Letters) -> Any:
    from sqlalchemy import text

    # Casts are written out: `::` after a name would be read as part of it.
    casts = {"queue": "text", "delay": "float8", "handler": "text", "content": "int",
             "bodies": "bytea[]", "headers": "text[]"}  # fmt: skip
    sql = _SQL
    for name, cast in casts.items():
        sql = sql.replace(f"{{{name}}}::{cast}", f"cast(:{name} as {cast})")
    return text(
        sql.format(schema=letters.schema).replace("t.headers::jsonb", "cast(t.headers as jsonb)")
    )


def _alchemy(conn: Any, letters: Letters) -> list[Any]:
    own = conn.connection() if hasattr(conn, "connection") and callable(conn.connection) else conn
    _require(own.get_execution_options().get("isolation_level") != "AUTOCOMMIT", conn)
    return list(conn.execute(_alchemy_statement(letters), letters.values()).fetchall())


async def _apsycopg(conn: Any, letters: Letters) -> list[Any]:
    _require(not conn.autocommit or conn.info.transaction_status != 0, conn)
    statement, values = _positional(letters, "%s")
    async with conn.cursor() as cursor:
        await cursor.execute(statement, values)
        return list(await cursor.fetchall())


async def _asyncpg(conn: Any, letters: Letters) -> list[Any]:
    _require(conn.is_in_transaction(), conn)
    statement, values = _positional(letters, "${}")
    return list(await conn.fetch(statement, *values))


async def _aalchemy(conn: Any, letters: Letters) -> list[Any]:
    found = await conn.execute(_alchemy_statement(letters), letters.values())
    return list(found.fetchall())


_SYNC: Final = {
    "psycopg.Connection": _psycopg,
    "psycopg2.connection": _psycopg2,
    "django.BaseDatabaseWrapper": _django,
    "django.ConnectionProxy": _django,
    "sqlalchemy.Connection": _alchemy,
    "sqlalchemy.Session": _alchemy,
    "sqlalchemy.scoped_session": _alchemy,
}
_ASYNC: Final = {
    "psycopg.AsyncConnection": _apsycopg,
    "asyncpg.Connection": _asyncpg,
    "asyncpg.PoolConnectionProxy": _asyncpg,
    "sqlalchemy.AsyncConnection": _aalchemy,
    "sqlalchemy.AsyncSession": _aalchemy,
    "sqlalchemy.async_scoped_session": _aalchemy,
}


def _translate(error: BaseException, schema: str) -> None:
    """Raises our error for what the driver's tells of msgq; others are the caller's to know."""
    cause: BaseException | None = error
    states = set()
    while cause is not None:
        states.add(getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None))
        cause = getattr(cause, "orig", None) or cause.__cause__
    if states & set(_NOT_THERE):
        raise SchemaError(
            f"the database of this connection has no msgq in schema {schema!r}: give one to the "
            "database that the app uses, or run msgq db upgrade there"
        ) from error
    if _ABORTED in states:
        raise StoreRejectedError(
            "the transaction of this connection has failed before: roll it back first"
        ) from error


def _bytes(found: Any) -> bytes:
    """Gives the 16 bytes of an id that a driver read as a UUID, or as text."""
    import uuid

    return found.bytes if hasattr(found, "bytes") else uuid.UUID(str(found)).bytes
