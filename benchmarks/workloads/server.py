"""What a workload asks the PostgreSQL server itself, and does to it from outside of msgq.

Plan: dsn and server_pid (without them nothing is asked); pin ("idle": an old snapshot; "tables":
one that has read, and so locks, every table of the schema), traffic (true: a few outbox messages
and delayed ones beside the flow).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgq
from benchmarks.workloads.common import QUEUE

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a server so far: its own, of its connections, and of those that ended."""
    ticks = sum(_times(pid, 4))
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):  # it ended just now, and is in its parent's count
            ticks += sum(_times(int(child), 2))
    return ticks / TICKS_PER_S


def _times(pid: int, count: int) -> list[int]:
    # After the name in brackets come utime and stime as 12th and 13th, then the ended children's.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(each) for each in fields[11 : 11 + count]]


class Watch:
    """CPU and log of the server between here and `figures`."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._plan = plan
        self._is_on = "server_pid" in plan and "dsn" in plan
        self._before = self._now() if self._is_on else (0.0, 0)

    def figures(self, messages: int) -> dict[str, float]:
        """Per message, for so many that went through since; empty without a server."""
        if not self._is_on:
            return {}
        cpu, position = (now - then for now, then in zip(self._now(), self._before, strict=True))
        share = max(1, messages)
        return {
            "server_cpu_s_per_million": cpu / share * 1e6,
            "wal_bytes_per_message": position / share,
            "schema_mb": self._schema_bytes() / 1e6,
        }

    def _now(self) -> tuple[float, int]:
        position = _one(self._plan, "select pg_current_wal_lsn() - '0/0'")
        return cpu_seconds(self._plan["server_pid"]), int(position)

    def _schema_bytes(self) -> float:
        tables = "select coalesce(sum(pg_total_relation_size(oid)), 0) from pg_class"
        where = f"where relkind = 'r' and relnamespace = '{schema_of(self._plan)}'::regnamespace"
        return float(_one(self._plan, f"{tables} {where}"))


def schema_of(plan: Mapping[str, Any]) -> str:
    return str(parse_qs(urlsplit(plan["url"]).query)["schema"][0])


def _one(plan: Mapping[str, Any], statement: str) -> Any:
    import psycopg

    with psycopg.connect(plan["dsn"], autocommit=True) as connection:
        return (connection.execute(statement.encode()).fetchone() or [None])[0]


@contextlib.contextmanager
def pinned(plan: Mapping[str, Any]) -> Iterator[None]:
    """Hold an old snapshot open, with or without locks on the tables."""
    import psycopg

    with psycopg.connect(plan["dsn"]) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("select count(*) from pg_class")
        if plan["pin"] == "tables":
            schema = schema_of(plan)
            names = connection.execute(
                "select relname from pg_class where relkind = 'r'"
                " and relnamespace = %s::text::regnamespace",
                [schema],
            ).fetchall()
            for (name,) in names:
                connection.execute(f"select 1 from {schema}.{name} limit 1".encode())
        yield


class Traffic(AbstractContextManager["Traffic"]):
    """Every 10 ms a transaction with five outbox messages, and five delayed by half a second."""

    def __init__(self, app: msgq.App, plan: Mapping[str, Any]) -> None:
        self._app = app
        self._plan = plan
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

        @app.handler(queue=QUEUE, name="aside")
        def aside(body: bytes) -> None:
            pass

        self._aside = aside

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        import psycopg

        body = b"x" * 200
        with psycopg.connect(self._plan["dsn"]) as connection:
            while not self._stop.wait(0.01):
                for _ in range(5):
                    self._aside.using(conn=connection).enqueue(body)
                connection.commit()
                for _ in range(5):
                    self._aside.using(delay=0.5).enqueue_later(body)
