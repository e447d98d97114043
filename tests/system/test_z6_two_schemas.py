"""Z6: two schemas in one database never see each other: not their messages, processes or locks."""

from __future__ import annotations

import signal

import psycopg

import msgq
from tests.oracle import Limits
from tests.support.postgres import PostgresServer
from tests.system.support.world import World

NUMBERS = 300
"""Numbers of locks a fresh schema may have drawn so far: lanes, cursors, processes."""


def test_z6_no_message_crosses(pg_world: World, postgres_server: PostgresServer) -> None:
    """Workers of one schema beside producers of the other, under the same names."""
    other = f"{pg_world.url}_other"
    worker = pg_world.start("work", "worker", {"MSGQ_URL": other})
    producer = pg_world.start("produce", "producer", parcel=10, count=200)
    assert producer.wait() == 0, producer.words()
    worker.expect("ready")
    pg_world.queue().enqueue(b"a hint for whoever listens")
    with msgq.connect(other) as client:
        client.queue("work").enqueue(b"other:0:0|")
        pg_world.until(lambda: client.queue("work").depth().done == 1, "handled there")
        assert client.queue("work").depth().sent == 1
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0, worker.words()
    assert pg_world.depth().waiting == 201
    schema = other.rpartition("schema=")[2]
    postgres_server.execute(f"drop schema {schema} cascade")


def test_z6_locks_of_one_hold_up_nobody_in_the_other(
    pg_world: World, postgres_server: PostgresServer
) -> None:
    """Every lock that a schema may take, taken: the other one sends, works and settles as ever."""
    other = f"{pg_world.url}_other"
    schema = other.rpartition("schema=")[2]
    with msgq.connect(other) as client:
        client.queue("work").enqueue(b"x")
    with psycopg.connect(postgres_server.dsn) as holder:
        holder.execute(
            "select pg_advisory_xact_lock(%s::regnamespace::oid::int, n) "
            "from generate_series(1, %s) as n", [schema, NUMBERS],
        )  # fmt: skip
        holder.execute(f"lock table {schema}.block, {schema}.claim in access exclusive mode")
        worker = pg_world.start("work", "worker")
        producer = pg_world.start("produce", "producer", parcel=10, count=200)
        assert producer.wait() == 0, producer.words()
        pg_world.drained()
        worker.expect("ready")
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
        waiting = "select count(*) from pg_locks where not granted"
        assert postgres_server.execute(waiting) == [(0,)]
    pg_world.note_end()
    pg_world.judge(Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True))
    postgres_server.execute(f"drop schema {schema} cascade")
