"""P9: a role with short time limits and another isolation level, while somebody locks a table.

Statements are ended, transactions too; each is tried again until it goes, and nothing is lost.
"""

from __future__ import annotations

import contextlib

import psycopg

import msgq
from tests.oracle import Limits
from tests.support.postgres import DATABASE, PostgresServer
from tests.system.support.world import World
from tests.system.test_k1_worker_kills import SETTINGS, finish

LIMITS = {
    "statement_timeout": "50ms",
    "lock_timeout": "50ms",
    "idle_in_transaction_session_timeout": "100ms",
    "default_transaction_isolation": "repeatable read",
}
START = {"start_wait": 20, "create_schema": False}


@contextlib.contextmanager
def limited_role(server: PostgresServer, schema: str):  # type: ignore[no-untyped-def]
    server.execute("create role hasty login")
    try:
        for name, value in LIMITS.items():
            server.execute(f"alter role hasty set {name} = '{value}'")
        for right in (
            f"usage on schema {schema}",
            f"select, insert, update, delete on all tables in schema {schema}",
            f"usage on all sequences in schema {schema}",
        ):
            server.execute(f"grant {right} to hasty")
        yield f"postgresql://hasty@127.0.0.1:{server.port}/{DATABASE}?schema={schema}"
    finally:
        server.execute("drop owned by hasty")
        server.execute("drop role hasty")


def test_p9_short_limits_and_a_locked_table(
    pg_world: World, postgres_server: PostgresServer
) -> None:
    msgq.connect(pg_world.url).open().close()  # makes the tables
    schema = pg_world.url.rpartition("schema=")[2]
    with limited_role(postgres_server, schema) as url:
        environ = {"MSGQ_URL": url}
        producers = [
            pg_world.start("produce", f"producer-{i}", environ, parcel=20, pace_s=0.02,
                           settings=START)
            for i in range(2)
        ]  # fmt: skip
        workers = [
            pg_world.start("work", f"worker-{i}", environ, settings={**SETTINGS, **START})
            for i in range(2)
        ]
        for program in [*producers, *workers]:
            program.expect("ready")
        pg_world.listen(0.5)
        with psycopg.connect(postgres_server.dsn) as other:
            other.execute(f"lock table {schema}.block in access exclusive mode".encode())
            pg_world.listen(1.0)
        pg_world.listen(0.5)
        finish(pg_world, producers, workers)
        pg_world.note_end()
        pg_world.judge(Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True,
                              needs_settled=True))  # fmt: skip
