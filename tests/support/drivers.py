"""Connections of users' own: of each driver one, the way its users open it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psycopg
import psycopg2
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session


def dsn(url: str) -> str:
    """Gives the URL without msgq's own option."""
    return url.partition("&schema=")[0]


@contextmanager
def _psycopg(url: str) -> Iterator[Any]:
    with psycopg.connect(dsn(url)) as conn:
        yield conn


@contextmanager
def _psycopg2(url: str) -> Iterator[Any]:
    conn = psycopg2.connect(dsn(url))
    try:
        yield conn
    finally:
        conn.close()


@contextmanager
def _alchemy(url: str) -> Iterator[Any]:
    engine = create_engine(dsn(url).replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as conn:
            yield conn
    finally:
        engine.dispose()


@contextmanager
def _alchemy_session(url: str) -> Iterator[Any]:
    engine = create_engine(dsn(url).replace("postgresql://", "postgresql+psycopg2://"))
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


@contextmanager
def _django(url: str) -> Iterator[Any]:
    import django
    from django.conf import settings
    from django.db.backends.postgresql.base import DatabaseWrapper

    if not settings.configured:
        settings.configure(USE_TZ=True)
        django.setup()
    place, options = urlsplit(dsn(url)), parse_qs(urlsplit(dsn(url)).query)
    conn = DatabaseWrapper(
        {
            "ENGINE": "django.db.backends.postgresql", "NAME": place.path[1:], "OPTIONS": {},
            "USER": place.username, "PASSWORD": "", "HOST": options["host"][0],
            "PORT": options["port"][0], "AUTOCOMMIT": True, "TIME_ZONE": None,
            "CONN_HEALTH_CHECKS": False, "CONN_MAX_AGE": 0, "ATOMIC_REQUESTS": False,
        }
    )  # fmt: skip
    conn.set_autocommit(False)
    try:
        yield conn
    finally:
        conn.close()


SYNC: dict[str, Callable[[str], Any]] = {
    "psycopg": _psycopg,
    "psycopg2": _psycopg2,
    "sqlalchemy": _alchemy,
    "sqlalchemy session": _alchemy_session,
    "django": _django,
}


@asynccontextmanager
async def _apsycopg(url: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    conn = await psycopg.AsyncConnection.connect(dsn(url))
    try:
        yield conn, conn.commit, conn.rollback
    finally:
        await conn.close()


@asynccontextmanager
async def _asyncpg(url: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    conn = await asyncpg.connect(dsn(url))
    turn = conn.transaction()
    await turn.start()
    try:
        yield conn, turn.commit, turn.rollback
    finally:
        await conn.close()


@asynccontextmanager
async def _aalchemy(url: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    engine = create_async_engine(dsn(url).replace("postgresql://", "postgresql+psycopg://"))
    try:
        async with AsyncSession(engine) as session:
            yield session, session.commit, session.rollback
    finally:
        await engine.dispose()


ASYNC: dict[str, Callable[[str], Any]] = {
    "psycopg": _apsycopg,
    "asyncpg": _asyncpg,
    "sqlalchemy session": _aalchemy,
}


def run_sql(conn: Any, sql: str) -> None:
    """Runs one statement, by whatever name the driver has for that."""
    if hasattr(conn, "cursor"):
        with conn.cursor() as cursor:
            cursor.execute(sql)
    else:
        from sqlalchemy import text

        conn.execute(text(sql))


async def arun_sql(conn: Any, sql: str) -> None:
    """Runs one statement over an asynchronous connection."""
    if type(conn).__module__.startswith("sqlalchemy"):
        from sqlalchemy import text

        await conn.execute(text(sql))
    else:
        await conn.execute(sql)
