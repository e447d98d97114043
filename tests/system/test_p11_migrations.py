"""P11: of many starters one makes the tables, and one that dies in the middle leaves nothing half.

Eight processes start at the same moment on an empty database; exactly one migrates, the others wait
for it and go on. Killed in the middle of it, with the client or with the server, the schema is as
it was before, and the next start makes it whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.support.postgres import PostgresServer
from tests.system.support.program import Program
from tests.system.support.world import World

STARTERS = 8
LOCK = 7_811
PAUSE = f"""
create function public.pause() returns event_trigger language plpgsql as $$ begin
  perform pg_advisory_xact_lock_shared({LOCK});
end $$;
create event trigger pause on ddl_command_start
when tag in ('CREATE FUNCTION') execute function public.pause()
"""


def start(world: World, number: int = 0) -> Program:
    """Start a process that makes the schema if need be, sends one message, and ends."""
    return world.start("produce", f"starter-{number}", parcel=1, count=1)


@contextmanager
def held(server: PostgresServer, lock: str) -> Iterator[psycopg.Connection]:
    """Hold an advisory lock, named by SQL, from a session of the test's."""
    with psycopg.connect(server.dsn, autocommit=True) as holder:
        holder.execute(f"select pg_advisory_lock({lock})")
        yield holder


def await_waiters(world: World, server: PostgresServer, count: int) -> None:
    """Wait until so many sessions wait for an advisory lock."""
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    world.until(lambda: server.execute(waiting)[0][0] >= count, f"{count} wait")


def test_p11_eight_start_at_once(lone_world: World, own_postgres: PostgresServer) -> None:
    with held(own_postgres, "1836279665, hashtext('msgq')"):
        starters = [start(lone_world, number) for number in range(STARTERS)]
        await_waiters(lone_world, own_postgres, STARTERS)
    for each in starters:
        assert each.wait(60) == 0, each.words()
        assert each.said("refused") == []
    assert lone_world.depth().sent == STARTERS
    assert own_postgres.execute("select count(*) from msgq.meta") == [(1,)]


@pytest.mark.parametrize("who", ["the starter", "the server"])
def test_p11_killed_in_the_middle(
    lone_world: World, own_postgres: PostgresServer, who: str
) -> None:
    own_postgres.execute(PAUSE)
    with held(own_postgres, str(LOCK)):
        starter = start(lone_world)
        await_waiters(lone_world, own_postgres, 1)
        if who == "the starter":
            starter.kill()
        else:
            own_postgres.kill()
            starter.wait(60)
            own_postgres.start()
    own_postgres.execute("drop event trigger pause")
    sessions = "select count(*) from pg_stat_activity where application_name like 'msgq %'"
    lone_world.until(lambda: own_postgres.execute(sessions) == [(0,)], "its session has ended")
    assert own_postgres.execute("select to_regnamespace('msgq')") == [(None,)]
    again = start(lone_world, 1)
    assert again.wait(60) == 0, again.words()
    assert lone_world.depth().sent == 1
