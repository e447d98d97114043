"""PostgreSQL under what happens to its clients and to itself: K1, K2, P1, the server's own death.

Processes are killed, the server's sessions are terminated under them, the server itself is killed
and started again. Every acknowledged message is handled; nothing is handled that was not sent; what
is handled twice is what a killed worker had in its hands. A terminated connection and a server that
was away cost time and nothing else: who sent it again is told what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle import Limits
from tests.support.postgres import PostgresServer
from tests.system.support.program import Program
from tests.system.support.world import World
from tests.system.test_k1_worker_kills import SETTINGS, finish, kill_workers
from tests.system.test_k2_producer_kills import kill_producers


def start_all(world: World) -> tuple[list[Program], list[Program]]:
    """Two producers and two workers, each ready."""
    producers = [
        world.start("produce", f"producer-{index}", parcel=20, pace_s=0.02) for index in range(2)
    ]
    workers = [world.start("work", f"worker-{index}", settings=SETTINGS) for index in range(2)]
    for program in [*producers, *workers]:
        program.expect("ready")
    return producers, workers


def judge(world: World) -> None:
    """No worker died: nothing may be handled twice, and nobody sent what nobody heard of."""
    world.note_end()
    world.judge(
        Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True, needs_settled=True),
        world.history(),
    )


def terminate_connections(world: World, server: PostgresServer, rounds: int) -> None:
    """P1: an operator, or a proxy, ends sessions at random, the lock of the process among them."""
    producers, workers = start_all(world)
    for _ in range(rounds):
        world.listen(world.random.uniform(0.02, 0.2))
        server.execute(
            "select pg_terminate_backend(pid) from (select pid from pg_stat_activity "
            "where application_name like 'msgq %' order by random() limit 1) as one"
        )
    finish(world, producers, workers)
    judge(world)


def kill_server(world: World, server: PostgresServer, kills: int) -> None:
    """The server dies with everything in its hands, and comes back."""
    producers, workers = start_all(world)
    for _ in range(kills):
        world.listen(world.random.uniform(0.3, 1.0))
        server.kill()
        world.listen(world.random.uniform(0.0, 0.5))
        server.start()
    finish(world, producers, workers)
    judge(world)


def rate(world: World, server: PostgresServer, seconds: float = 3.0) -> float:
    """Messages a second that are done, as the server counts them."""
    done = "select coalesce(sum(done), 0)::int from msgq.depth()"
    before = server.execute(done)[0][0]
    world.listen(seconds)
    return float(server.execute(done)[0][0] - before) / seconds


@pytest.fixture
def durable_world(own_postgres: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """A world on a server of the test's own, which keeps what it said it has."""
    made = World(tmp_path, own_postgres.url)
    yield made
    made.close()


def test_k1_a_few_kills_of_workers(pg_world: World) -> None:
    kill_workers(pg_world, 3)


def test_k2_a_few_kills_of_producers(pg_world: World) -> None:
    kill_producers(pg_world, 3)


def test_p1_terminated_connections(pg_world: World, postgres_server: PostgresServer) -> None:
    terminate_connections(pg_world, postgres_server, 20)


def test_the_server_is_killed(durable_world: World, own_postgres: PostgresServer) -> None:
    kill_server(durable_world, own_postgres, 2)


@pytest.mark.torture
@pytest.mark.timeout(240)
def test_k1_thirty_kills_of_workers(pg_world: World) -> None:
    kill_workers(pg_world, 30)


@pytest.mark.torture
@pytest.mark.timeout(240)
def test_p1_three_hundred_terminated_connections(
    pg_world: World, postgres_server: PostgresServer
) -> None:
    terminate_connections(pg_world, postgres_server, 300)


@pytest.mark.torture
@pytest.mark.timeout(300)
def test_the_server_is_killed_ten_times(durable_world: World, own_postgres: PostgresServer) -> None:
    kill_server(durable_world, own_postgres, 10)


@pytest.mark.torture
@pytest.mark.timeout(120)
def test_the_rate_is_back_five_seconds_after_the_server(
    durable_world: World, own_postgres: PostgresServer
) -> None:
    producers, workers = start_all(durable_world)
    durable_world.listen(1.0)
    before = rate(durable_world, own_postgres)
    own_postgres.kill()
    durable_world.listen(10.0)
    own_postgres.start()
    durable_world.listen(5.0)
    after = rate(durable_world, own_postgres)
    print(f"{before:.0f} messages a second before, {after:.0f} five seconds after it came back")
    assert after >= 0.9 * before
    finish(durable_world, producers, workers)
    judge(durable_world)
