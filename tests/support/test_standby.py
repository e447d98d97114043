"""The standby of the tests follows its primary, lags when told to, and takes over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.postgres import PATIENCE_S, PostgresServer
from tests.support.standby import Standby

COUNT = "select count(*) from kept"


def one(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row and row[0]


def test_it_follows_lags_and_takes_over(own_postgres: PostgresServer, own_standby: Standby) -> None:
    primary, standby = own_postgres, own_standby
    primary.execute("create table kept (n int)")
    standby.wait_caught_up()
    assert standby.port != primary.port
    assert one(standby.tcp_url, "select pg_is_in_recovery()") is True
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        standby.execute("insert into kept values (1)")
    standby.pause_replay()
    primary.execute("insert into kept values (1)")
    assert one(standby.url, COUNT) == 0
    standby.resume_replay()
    standby.wait_caught_up()
    assert one(standby.url, COUNT) == 1
    primary.kill()
    standby.promote()
    standby.execute("insert into kept values (2)")
    assert one(standby.tcp_url, COUNT) == 2


def test_commits_wait_for_a_synchronous_one(own_postgres: PostgresServer) -> None:
    waits = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
    with Standby(own_postgres, synchronous=True) as standby, ThreadPoolExecutor(1) as pool:
        own_postgres.execute("create table kept (n int)")
        standby.stop()
        inserted = pool.submit(own_postgres.execute, "insert into kept values (1)")
        while own_postgres.execute(waits) != [(1,)]:
            assert not inserted.done()
        standby.start()
        inserted.result(PATIENCE_S)
        standby.wait_caught_up()
        assert one(standby.url, COUNT) == 1


def test_a_primary_forgets_it(own_postgres: PostgresServer) -> None:
    for _ in range(2):
        with Standby(own_postgres, synchronous=True) as standby:
            assert standby.place.exists()
        assert not standby.place.exists()
    assert own_postgres.execute("select from pg_replication_slots") == []
    own_postgres.execute("create table kept (n int)")
