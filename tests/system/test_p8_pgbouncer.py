"""P8: everything goes through PgBouncer in transaction mode, in fewer connections than clients.

Behind a pooler no process has a session: it is known by its heartbeat alone, hears no hints and
prepares nothing. Beside it others go to the server itself. Each is judged its own way: nothing is
lost, and nobody is taken for dead because the other kind would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import msgq
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer
from tests.support.postgres_fixtures import new_pooler
from tests.system.support.world import QUEUE, World
from tests.system.test_k1_worker_kills import kill_workers
from tests.system.test_k2_producer_kills import kill_producers

CLIENTS, POOL = 1_000, 50


@pytest.fixture
def pooled_world(tmp_path: Path, pooled_url: str) -> Iterator[World]:
    """A world whose processes all go through the pooler."""
    made = World(tmp_path, pooled_url)
    yield made
    made.close()


def test_workers_are_killed_behind_it(pooled_world: World) -> None:
    kill_workers(pooled_world, 3)


def test_producers_are_killed_behind_it(pooled_world: World) -> None:
    kill_producers(pooled_world, 3)


@pytest.mark.torture_pg
@pytest.mark.timeout(300)
def test_thirty_workers_are_killed_behind_it(pooled_world: World) -> None:
    kill_workers(pooled_world, 30)


def test_each_is_judged_its_own_way(pooled_world: World, postgres_url: str) -> None:
    """Of two that are killed, the one with a lock is seen first; who lives keeps what it has."""
    queues = {name: pooled_world.queue(name) for name in ("direct", "pooled", "alive")}
    for queue in queues.values():
        queue.enqueue(b"x")
    order = {"count": 1, "lease_s": 600}
    urls = {"direct": postgres_url, "pooled": pooled_world.url, "alive": pooled_world.url}
    programs = {
        name: pooled_world.start("claim", name, {"MSGQ_URL": url}, queue=name, **order)
        for name, url in urls.items()
    }
    for program in programs.values():
        program.expect("claimed")
    with msgq.connect(postgres_url) as looker:  # beside a looker behind the pooler
        for name in ("pooled", "direct"):
            pooled_world.kill(programs[name])
        (first,) = looker.queue("direct").claim(1, wait=30)
        assert queues["pooled"].depth().leased == 1, "its heart may only be late"
        first.ack()  # a suspect runs alone
        (second,) = looker.queue("pooled").claim(1, wait=30)
        second.ack()
        assert [first.attempt, second.attempt] == [2, 2]
    assert queues["alive"].depth().leased == 1
    programs["alive"].tell("ack")
    assert programs["alive"].expect("did")["outcome"] == "ok"


def test_it_is_restarted(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """Its clients connect again; who has the lock of nobody is not buried meanwhile."""
    with new_pooler(postgres_server) as own:
        world = World(tmp_path, f"{own.url}&{postgres_url.rpartition('&')[2]}")
        try:
            kill_pooler(world, own)
        finally:
            world.close()


def kill_pooler(world: World, own: PgBouncer) -> None:
    producer = world.start("produce", "producer", parcel=20, pace_s=0.02)
    worker = world.start("work", "worker", settings={"lease": 3.0})
    for program in (producer, worker):
        program.expect("ready")
    for _ in range(2):
        world.listen(0.3)
        own.stop()
        world.listen(0.2)
        own.start()
    producer.tell("end")
    assert producer.wait() == 0, producer.words()
    world.drained()
    assert world.depth().done == world.depth().sent > 0


def sampled(own: PgBouncer, server: PostgresServer, most: list[int], stop: threading.Event) -> None:
    """How many connections the server has, most[0], and clients the pooler, most[1], at most."""
    # One session for all looks: one that has just ended would be counted by the next.
    with psycopg.connect(server.dsn, autocommit=True) as looker:
        while not stop.wait(0.02):
            for place, found in enumerate((server_connections(looker), client_connections(own))):
                most[place] = max(most[place], found)


def server_connections(looker: psycopg.Connection[tuple[int]]) -> int:
    (count,) = looker.execute(
        "select count(*) from pg_stat_activity"
        " where backend_type = 'client backend' and pid <> pg_backend_pid()"
    ).fetchone() or (0,)
    return int(count)


def client_connections(own: PgBouncer) -> int:
    (pool,) = [row for row in own.show("POOLS") if row["database"] == "msgq"]
    return int(pool["cl_active"]) + int(pool["cl_waiting"])


async def send_from(clients: int, dsn: str, schema: str) -> None:
    """Each client keeps its connection until all have sent, in a transaction of its own."""
    gate = asyncio.Semaphore(100)  # of those that connect at once: the socket has a backlog

    async def connected() -> psycopg.AsyncConnection[tuple[object, ...]]:
        async with gate:
            return await psycopg.AsyncConnection.connect(dsn, prepare_threshold=None)

    connections = await asyncio.gather(*(connected() for _ in range(clients)))

    async def send(connection: psycopg.AsyncConnection[tuple[object, ...]], body: int) -> None:
        async with connection.transaction():
            await connection.execute(
                f"select {schema}.enqueue('{QUEUE}', convert_to('{body}', 'UTF8'))".encode()
            )

    await asyncio.gather(*(send(each, body) for body, each in enumerate(connections)))
    await asyncio.gather(*(each.close() for each in connections))


def test_a_thousand_clients_share_fifty_connections(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    """More clients than the server would take: all are served, in no more connections than said."""
    stop, most = threading.Event(), [0, 0]
    with new_pooler(own_postgres, pool_size=POOL) as own, contextlib.ExitStack() as ends:
        world = World(tmp_path, own.url)
        ends.callback(world.close)
        world.queue().enqueue(b"the tables are made")
        workers = [world.start("claim", f"worker-{i}", count=1, lease_s=60) for i in range(3)]
        watch = threading.Thread(target=sampled, args=(own, own_postgres, most, stop))
        watch.start()
        ends.callback(watch.join)
        ends.callback(stop.set)
        asyncio.run(send_from(CLIENTS, own.dsn, "msgq"))
        found: set[bytes] = set()
        while (left := CLIENTS + 1 - len(workers) - len(found)) > 0:  # what is theirs stays
            for delivery in world.queue().claim(min(100, left), wait=30):
                found.add(delivery.body)
                delivery.ack()
        for worker in workers:
            (body,) = worker.expect("claimed")["bodies"]
            found.add(body.encode())
            worker.tell("ack")
            assert worker.expect("did")["outcome"] == "ok"
    expected = {str(number).encode() for number in range(CLIENTS)} | {b"the tables are made"}
    assert found == expected
    print(f"at most {most[1]} clients in {most[0]} connections")
    assert most[1] > CLIENTS
    assert most[0] <= POOL
