"""P10: hints may be lost; messages are not, and none waits for longer than the longest poll.

The session that listens ends without a word; the server's queue of notifications is full. What is
sent meanwhile is found by polling; afterwards hints work again without help.
"""

from __future__ import annotations

import psycopg
import pytest

from tests.support.postgres import PostgresServer
from tests.support.proxy import Proxy
from tests.system.support.program import Program
from tests.system.support.world import World

FAR_S = 60.0
"""A poll so rare that only a hint can bring a message in time."""
SOON_S = 10.0


def start_worker(world: World, url: str, poll_max: float) -> Program:
    """Start one that has become idle: it has polled and now waits."""
    world.depth()  # the schema is there
    settings = {"poll_min": poll_max, "poll_max": poll_max}
    worker = world.start("work", "worker", {"MSGQ_URL": url}, settings=settings, says=True)
    worker.expect("ready")
    return worker


def handled_soon(world: World, worker: Program) -> float:
    """Send one and wait until it is handled; gives how long that took."""
    before = len(worker.said("finished"))
    world.queue().enqueue(b"x:0:0|")
    return world.until(lambda: len(worker.said("finished")) > before, "handled", SOON_S)


def test_p10_a_session_that_listened_is_replaced(
    pg_world: World, postgres_server: PostgresServer
) -> None:
    """Ended by the server: after that, only hints can be as quick."""
    worker = start_worker(pg_world, pg_world.url, FAR_S)
    handled_soon(pg_world, worker)
    postgres_server.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name like 'msgq % presence'"
    )
    took = handled_soon(pg_world, worker)
    print(f"handled {took:.2f} s after its listener was ended")


def test_p10_a_session_that_fell_silent_is_replaced(
    pg_world: World, postgres_server: PostgresServer
) -> None:
    """Dropped by the network without a word: messages come by polling, later hints come again."""
    with Proxy(postgres_server.port) as proxy:
        schema = pg_world.url.rpartition("schema=")[2]
        url = f"{postgres_server.tcp_url_at(proxy.port)}?schema={schema}"
        worker = start_worker(pg_world, url, 1.0)
        handled_soon(pg_world, worker)
        proxy.reset()
        assert handled_soon(pg_world, worker) < SOON_S
        proxy.wait("accepted", 4)
        assert handled_soon(pg_world, worker) < SOON_S


def test_p10_hints_are_no_more_than_flushes(
    pg_world: World, postgres_server: PostgresServer
) -> None:
    """No storm: however many messages a flush holds, and whoever listens, it is one hint."""
    worker = start_worker(pg_world, pg_world.url, 0.5)
    schema = pg_world.url.rpartition("schema=")[2]
    with psycopg.connect(postgres_server.dsn, autocommit=True) as listener:
        listener.execute(f"listen msgq_{schema}")
        flushes = pg_world.client.stats().store.flushes
        for _ in range(20):
            pg_world.queue().enqueue_many([b"x:0:0|"] * 100)
        flushes = pg_world.client.stats().store.flushes - flushes
        pg_world.until(lambda: pg_world.depth().done == 2_000, "handled")
        hints = len(list(listener.notifies(timeout=0.5)))
    print(f"{hints} hints for {flushes} flushes of 2,000 messages")
    assert 0 < hints <= flushes
    assert worker.said("left") == []


@pytest.mark.parametrize("state", ["54000", "53200"])
def test_p10_a_full_queue_of_notifications_costs_time_alone(
    pg_world: World, postgres_server: PostgresServer, state: str
) -> None:
    """NOTIFY fails: who sent is acknowledged all the same, and workers find it by polling."""
    worker = start_worker(pg_world, pg_world.url, 0.5)
    schema = pg_world.url.rpartition("schema=")[2]
    postgres_server.execute(
        f"create or replace function {schema}.hint() returns void language plpgsql as $$ begin "
        f"raise 'too many notifications in the NOTIFY queue' using errcode = '{state}'; end $$"
    )
    for _ in range(3):
        assert handled_soon(pg_world, worker) < SOON_S
    pg_world.until(lambda: pg_world.depth().done == 3, "settled")
