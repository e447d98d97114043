"""What the settings of replicas and poolers change, for test_r16_no_dead_settings.py."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

import msgq
from tests.support.postgres_fixtures import new_server
from tests.support.standby import Standby
from tests.support.stores import POSTGRES

Make = Callable[..., msgq.App]
SECONDS = 20.0


def _count(dsn: str, question: str) -> int:
    with psycopg.connect(dsn) as connection:
        (found,) = connection.execute(question.encode()).fetchall()
        return int(found[0])


def pgbouncer(make: Make) -> None:
    for said, locks in (("on", 0), ("off", 1)):
        app = make(POSTGRES, pgbouncer=said)
        with app:
            app.queue("q").enqueue(b"x")
            schema, dsn = app.config["schema"], app.config.url.dsn
            alive = f"select count(*) from {schema}.process where has_lock and not is_dead"
            assert _count(dsn, alive) == locks


def read_url(make: Make) -> None:
    first = make(POSTGRES)
    dsn, schema = first.config.url.dsn, first.config["schema"]
    readers = "select count(*) from pg_stat_activity where application_name = 'msgq effect replica'"
    for url, found in (("", 0), (f"{dsn}&application_name=effect", 1)):
        with make(dsn, schema=schema, read_url=url) as app:
            app.queue("q").enqueue(b"x")
            app.queue("q").depth()
            assert _count(dsn, readers) == found


def read_staleness_max(make: Make) -> None:
    with new_server() as primary, Standby(primary) as standby:
        with make(primary.url) as app:
            app.queue("q").enqueue(b"x")
        standby.wait_caught_up()
        standby.pause_replay()
        with make(primary.url, read_url=standby.tcp_url, read_staleness_max=3600) as app:
            app.queue("q").enqueue(b"y")
            deadline = time.monotonic() + SECONDS
            while (app.stats().store.replica_lag or 0.0) < 1.5:
                assert time.monotonic() < deadline
            assert app.queue("q").depth().sent == 1, "what the replica shows"
        with make(primary.url, read_url=standby.tcp_url, read_staleness_max=1) as app:
            assert app.queue("q").depth().sent == 2, "what the primary has"
            assert app.stats().store.replica_lag is None
