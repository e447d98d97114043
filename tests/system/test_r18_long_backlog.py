"""R18, R19: claims and figures read as little behind a long backlog as behind a short one.

What is read is counted by the server, rows of tables by rows; no clock is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

import msgq
from tests.support.postgres import PostgresServer
from tests.system.support.program import PATIENCE_S

BLOCK = 1_000
CLAIMS = 50
LOOKS = 5
# Rows of block for one claim of a block and its settle: found, read, deleted; rows for one look.
ROWS_A_CLAIM, ROWS_A_LOOK = 20, 10


class Meter:
    """What the server counted of one schema since the last time."""

    def __init__(self, server: PostgresServer, schema: str) -> None:
        self._server, self._schema = server, schema
        self._others = self._pids()
        self._before: tuple[int, ...] = (0, 0, 0)

    def _pids(self) -> set[int]:
        mine = "backend_type = 'client backend' and pid <> pg_backend_pid()"
        rows = self._server.execute(f"select pid from pg_stat_activity where {mine}")
        return {int(pid) for (pid,) in rows}

    def _now(self) -> tuple[int, ...]:
        # Connections tell what they did when they end, if not before.
        deadline = time.monotonic() + PATIENCE_S
        while self._pids() - self._others:
            assert time.monotonic() < deadline, "a connection of this test has not ended"
        ((scans, by_scan, by_index),) = self._server.execute(
            "select seq_scan, seq_tup_read, idx_tup_fetch from pg_stat_user_tables"
            f" where schemaname = '{self._schema}' and relname = 'block'"
        )
        return scans, by_scan, by_index

    def read(self) -> tuple[int, ...]:
        """Give (scans of the whole table, rows read so, rows fetched by an index)."""
        now = self._now()
        found = tuple(b - a for a, b in zip(self._before, now, strict=True))
        self._before = now
        return found


@contextmanager
def queue_of(url: str) -> Iterator[msgq.Queue]:
    with msgq.connect(url, prefetch=1) as client:
        yield client.queue("work")


def fill(url: str, count: int) -> None:
    body = b"x" * 20
    with queue_of(url) as queue:
        for _ in range(count // BLOCK):
            queue.enqueue_many([body] * BLOCK).wait()


def claim_some(url: str) -> int:
    done = 0
    with queue_of(url) as queue:
        for _ in range(CLAIMS):
            found = queue.claim(BLOCK, wait=5.0)
            done += len(found)
            for delivery in found:
                delivery.ack()
    return done


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [100_000, pytest.param(10_000_000, marks=pytest.mark.torture_pg)])
def test_r18_claims_and_r19_figures_read_a_few_rows(
    postgres_server: PostgresServer, postgres_url: str, count: int
) -> None:
    schema = postgres_url.rpartition("schema=")[2]
    meter = Meter(postgres_server, schema)
    fill(postgres_url, count)
    postgres_server.execute(f"analyze {schema}.block")
    meter.read()
    done = claim_some(postgres_url)
    assert done == CLAIMS * BLOCK
    scans, by_scan, by_index = meter.read()
    assert (scans, by_scan) == (0, 0)
    assert by_index <= ROWS_A_CLAIM * CLAIMS
    seen: list[Any] = []
    with msgq.connect(postgres_url) as client:
        for _ in range(LOOKS):
            (depth,) = client.stats().depth
            seen.append((depth.depth, depth.done))
    with psycopg.connect(postgres_server.dsn) as conn:
        found = conn.execute(f"select * from {schema}.depth('work')".encode()).fetchone()
    assert found is not None
    assert found[0] == count - done
    assert seen == [(count - done, done)] * LOOKS
    scans, by_scan, by_index = meter.read()
    assert (scans, by_scan) == (0, 0)
    assert by_index <= ROWS_A_LOOK * (LOOKS + 1)
