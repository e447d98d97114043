"""Calls functions of msgq's schema over a connection of the user's own, in its open transaction.

psycopg 3 (sync and async), psycopg2, asyncpg, SQLAlchemy 2 (Connection, Session, their async twins)
and Django's connection: a few lines each. No driver is imported here. Thread: the connection's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgq.errors import (
    ConfigError,
    LeaseLostError,
    MsgqError,
    SchemaError,
    StoreRejectedError,
    UnsupportedError,
    WaitTimeoutError,
)

UNCOMMITTED: Final = 6
IS_STORE: Final = "coalesce({store}::text = {schema}.store_name(), true)"  # gives no row elsewhere
_SEND: Final = (
    "select {schema}.enqueue({queue}::text, t.body, t.headers::jsonb, "
    "make_interval(secs => {delay}::float8), null, {handler}::text, {content}::int, "
    "{priority}::int, make_interval(secs => {ttl}::float8)) "
    "from unnest({bodies}::bytea[], {headers}::text[]) with ordinality as t(body, headers, i) "
    f"where {IS_STORE} order by t.i"
)
_VALUE: Final = re.compile(r"\{(\w+)\}::([\w\[\]]+)")
_NOT_THERE: Final = ("42883", "3F000", "42P01")
_MEANINGS: Final[dict[str, tuple[type[MsgqError], str]]] = {
    "25P02": (
        StoreRejectedError,
        "the transaction of this connection has failed before: roll it back first",
    ),
    "25006": (
        StoreRejectedError,
        "this connection writes nothing, as its server is a replica or its transaction read-only: "
        "use one to the primary",
    ),
    "42501": (
        StoreRejectedError,
        "the role of this connection may not use msgq's functions: msgq db grant --producer ROLE "
        "lets it send, --worker ROLE acknowledge",
    ),
    "55P03": (
        WaitTimeoutError,
        "a lock was not to be had within the lock_timeout of this connection: roll back, try again",
    ),
    "57014": (
        WaitTimeoutError,
        "the statement was cancelled, or took longer than the statement_timeout of this "
        "connection: roll back, try again",
    ),
    "MQ010": (
        LeaseLostError,
        "the lease had ended; somebody else may be running the message: roll the transaction back",
    ),
    "MQ011": (
        StoreRejectedError,
        "the transaction of this connection began before the message was delivered, and at its "
        "isolation level cannot see the lease: begin it after the delivery",
    ),
    "MQ012": (LeaseLostError, "the message is already settled: roll the transaction back"),
    "MQ013": (
        WaitTimeoutError,
        "another transaction that is still open acknowledges this message: end that one first",
    ),
}

# What Django and SQLAlchemy raise by themselves, without asking the server.
_STATE_OF_NAME: Final = {"TransactionManagementError": "25P02", "PendingRollbackError": "25P02"}


class Call(NamedTuple):
    """One statement: each {value}::type stands in its text once, {schema} as often as it likes.

    It gives a row at least, unless the connection leads to another store than `store`.
    """

    schema: str
    sql: str
    values: Mapping[str, Any]

    def positional(self, mark: str) -> tuple[str, list[Any]]:
        """Gives the statement with %s or $1, $2, ... and the values in the order of its text."""
        names = _VALUE.findall(self.sql)
        marks = {name: mark.format(number) for number, (name, _) in enumerate(names, 1)}
        text = self.sql.format(schema=self.schema, **marks)
        return text, [self.values[name] for name, _ in names]

    def named(self) -> str:
        """Gives the statement with :name; casts are written out, `::` would be read as a name."""
        text = _VALUE.sub(r"cast(:\1 as \2)", self.sql).format(schema=self.schema)
        return re.sub(r"([\w.]+)::(\w+)", r"cast(\1 as \2)", text)


class Letters(NamedTuple):
    """What is sent in one statement: bodies of one kind for one queue."""

    schema: str
    store: str | None
    queue: str
    handler: str
    content: int
    bodies: Sequence[bytes]
    headers: Sequence[bytes | None]
    delay_ms: int | None
    priority: int
    ttl_ms: int | None

    def call(self) -> Call:
        """Gives the statement that sends them."""
        values = {
            "store": self.store,
            "queue": self.queue,
            "delay": None if self.delay_ms is None else self.delay_ms / 1000,
            "priority": self.priority,
            "ttl": None if self.ttl_ms is None else self.ttl_ms / 1000,
            "handler": self.handler,
            "content": self.content,
            "bodies": list(self.bodies),
            "headers": [each.decode() if each else None for each in self.headers],
        }
        return Call(self.schema, _SEND, values)


class Uncommitted:
    """Stands for a receipt of the core: the caller's commit decides, nothing else will be told."""

    status = UNCOMMITTED
    duplicates = 0

    def __init__(self, ids: list[bytes]) -> None:
        self._ids = ids
        self.count = len(ids)

    def id(self, index: int = 0) -> bytes:
        """Gives the id of one message."""
        return self._ids[index]

    def status_of(self, _index: int) -> int:
        """Gives the status of one message: that of all."""
        return self.status

    def wait(self, _timeout: float | None) -> bool:
        """Says that there is nothing to wait for."""
        return True

    def error(self) -> None:
        """Says that nothing went wrong."""


def send(conn: Any, letters: Letters) -> Uncommitted:
    """Sends over a connection that is not asynchronous. Raises as run()."""
    return Uncommitted([_bytes(row[0]) for row in run(conn, letters.call())])


async def asend(conn: Any, letters: Letters) -> Uncommitted:
    """Sends over an asynchronous connection. Raises as run()."""
    return Uncommitted([_bytes(row[0]) for row in await arun(conn, letters.call())])


def run(conn: Any, call: Call) -> list[Any]:
    """Runs a statement over a connection that is not asynchronous, and gives its rows.

    Raises UnsupportedError for connections nobody knows, ConfigError for one that is closed,
    outside a transaction (it would commit each statement by itself) or of another store,
    SchemaError when its database has no such schema, StoreRejectedError in a transaction that has
    failed.
    """
    kind = require_kind(conn, SYNC)
    try:
        return _require_rows(SYNC[kind](conn, call), conn)
    except Exception as error:
        _translate(error, call.schema)
        raise


async def arun(conn: Any, call: Call) -> list[Any]:
    """Runs a statement over an asynchronous connection. Raises as run()."""
    kind = require_kind(conn, ASYNC)
    try:
        return _require_rows(await ASYNC[kind](conn, call), conn)
    except Exception as error:
        _translate(error, call.schema)
        raise


def _require_rows(rows: list[Any], conn: Any) -> list[Any]:
    if not rows:
        raise ConfigError(
            f"{_name(conn)} leads to another database than the app, or to a copy of it: nothing "
            "was done; give one to the database of the app's URL (or start anew, if its schema was "
            "made anew)"
        )
    return rows


def _name(conn: Any) -> str:
    return f"{type(conn).__module__}.{type(conn).__qualname__}"


def require_kind(conn: Any, kinds: Mapping[str, Any]) -> str:
    """Finds the driver by the names of the classes that the connection is of.

    Raises UnsupportedError for connections nobody knows, ConfigError for one that is closed or
    asynchronous when it should not be, or not when it should.
    """
    found = [
        f"{each.__module__.partition('.')[0]}.{each.__qualname__}" for each in type(conn).__mro__
    ]
    known = {**SYNC, **ASYNC, **kinds}
    kind = next((each for each in found if each in known), None)
    if kind is None:
        raise UnsupportedError(
            f"conn= is {_name(conn)}; there are connections of psycopg, psycopg2, asyncpg, "
            "SQLAlchemy and Django"
        )
    if kind not in kinds:
        wrong = "asynchronous" if kind in ASYNC else "not asynchronous"
        right = "the twins with an `a` before their names" if kind in ASYNC else "the plain calls"
        raise ConfigError(f"{_name(conn)} is {wrong}: use {right} with it")
    is_closed = conn.is_closed() if kind.startswith("asyncpg") else getattr(conn, "closed", False)
    if is_closed and not callable(is_closed):
        raise ConfigError(f"{_name(conn)} is closed: give an open one")
    return kind


def _require(is_in_transaction: bool, conn: Any) -> None:
    if not is_in_transaction:
        raise ConfigError(
            f"{_name(conn)} is in autocommit and no transaction is open on it: begin one, or leave "
            "conn= out"
        )


def _by_cursor(conn: Any, call: Call) -> list[Any]:
    statement, values = call.positional("%s")
    with conn.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def _psycopg(conn: Any, call: Call) -> list[Any]:
    _require(not conn.autocommit or conn.info.transaction_status != 0, conn)
    return _by_cursor(conn, call)


def _psycopg2(conn: Any, call: Call) -> list[Any]:
    if conn.autocommit and conn.get_transaction_status() == 0:  # `with conn:` begins late
        _by_cursor(conn, Call("", "select 1", {}))
        _require(conn.get_transaction_status() != 0, conn)
    return _by_cursor(conn, call)


def _django(conn: Any, call: Call) -> list[Any]:
    _require(conn.in_atomic_block or not conn.get_autocommit(), conn)
    return _by_cursor(conn, call)


def _alchemy_text(call: Call) -> Any:
    from sqlalchemy import text

    return text(call.named())


def refuse_autocommit(conn: Any) -> None:
    """Raises ConfigError for a Connection or Session of SQLAlchemy that commits each statement."""
    own = conn.connection() if hasattr(conn, "connection") and callable(conn.connection) else conn
    _require(not own._is_autocommit_isolation(), conn)


async def arefuse_autocommit(conn: Any) -> None:
    """Twin of refuse_autocommit."""
    own = conn if hasattr(conn, "sync_connection") else await conn.connection()
    _require(not own.sync_connection._is_autocommit_isolation(), conn)


def _alchemy(conn: Any, call: Call) -> list[Any]:
    refuse_autocommit(conn)
    found = conn.execute(_alchemy_text(call), dict(call.values))
    return list(found.fetchall()) if found.returns_rows else []


async def _apsycopg(conn: Any, call: Call) -> list[Any]:
    _require(not conn.autocommit or conn.info.transaction_status != 0, conn)
    statement, values = call.positional("%s")
    async with conn.cursor() as cursor:
        await cursor.execute(statement, values)
        return list(await cursor.fetchall()) if cursor.description else []


async def _asyncpg(conn: Any, call: Call) -> list[Any]:
    _require(conn.is_in_transaction(), conn)
    statement, values = call.positional("${}")
    return list(await conn.fetch(statement, *values))


async def _aalchemy(conn: Any, call: Call) -> list[Any]:
    await arefuse_autocommit(conn)
    found = await conn.execute(_alchemy_text(call), dict(call.values))
    return list(found.fetchall()) if found.returns_rows else []


SYNC: Final = {
    "psycopg.Connection": _psycopg,
    "psycopg2.connection": _psycopg2,
    "django.BaseDatabaseWrapper": _django,
    "django.ConnectionProxy": _django,
    "sqlalchemy.Connection": _alchemy,
    "sqlalchemy.Session": _alchemy,
    "sqlalchemy.scoped_session": _alchemy,
}
ASYNC: Final = {
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
    states: set[Any] = set()
    while cause is not None:
        own = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        states.add(own or _STATE_OF_NAME.get(type(cause).__name__))
        cause = getattr(cause, "orig", None) or cause.__cause__
    for state in states & set(_NOT_THERE):
        raise SchemaError(
            f"the database of this connection has no msgq in schema {schema!r}: give one to the "
            f"database that the app uses, or run msgq db upgrade there (SQLSTATE {state})"
        ) from error
    for state, (kind, text) in _MEANINGS.items():
        if state in states:
            raise kind(f"{text} (SQLSTATE {state})") from error


def _bytes(found: Any) -> bytes:
    """Gives the 16 bytes of an id that a driver read as a UUID, or as text."""
    import uuid

    return found.bytes if hasattr(found, "bytes") else uuid.UUID(str(found)).bytes
