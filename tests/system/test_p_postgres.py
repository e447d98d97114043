"""PostgreSQL under what happens to its clients and to itself: P1, K7, a restart in good order.

The server's sessions are terminated under its clients, the server itself is killed and started
again. Every acknowledged message is handled once: a terminated connection and a server that was
away cost time and nothing else, for who sent it again is told what became of it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.oracle import Limits
from tests.support.postgres import PostgresServer
from tests.system.support.program import Program
from tests.system.support.world import World
from tests.system.test_k1_worker_kills import SETTINGS, finish

RESUMED_S = 10.0


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
        Limits(duplicated_max=0, recovered_max=0, attempts_max=1,
               needs_empty_end=True, needs_settled=True)
    )  # fmt: skip


def terminate_connections(world: World, server: PostgresServer, rounds: int) -> None:
    """P1: an operator, or a proxy, ends sessions at random, the lock of the process among them."""
    producers, workers = start_all(world)
    for _ in range(rounds):
        world.listen(world.random.uniform(0.02, 0.2))
        server.terminate_any()
    finish(world, producers, workers)
    judge(world)


def end_server(world: World, server: PostgresServer, times: int, end: Callable[[], None]) -> None:
    """The server ends with everything in its hands, and comes back. K7."""
    producers, workers = start_all(world)
    for _ in range(times):
        world.listen(world.random.uniform(0.3, 1.0))
        end()
        world.listen(world.random.uniform(0.0, 0.5))
        server.start()
        for producer in producers:  # nobody helps them
            producer.expect("sending", RESUMED_S, len(producer.said("sending")) + 2)
    finish(world, producers, workers)
    judge(world)


def rate(world: World, server: PostgresServer, seconds: float = 3.0) -> float:
    """Messages a second that are done, as the server counts them."""
    done = "select coalesce(sum(done), 0)::int from msgq.depth()"
    before = server.execute(done)[0][0]
    world.listen(seconds)
    return float(server.execute(done)[0][0] - before) / seconds


def test_p1_terminated_connections(pg_world: World, postgres_server: PostgresServer) -> None:
    terminate_connections(pg_world, postgres_server, 20)


def test_k7_the_server_is_killed(lone_world: World, own_postgres: PostgresServer) -> None:
    end_server(lone_world, own_postgres, 2, own_postgres.kill)


def test_the_server_is_restarted_and_no_crash_is_counted(
    lone_world: World, own_postgres: PostgresServer
) -> None:
    """Locks and sessions of the living fall; nothing of theirs is reclaimed: attempts stay at 1."""
    end_server(lone_world, own_postgres, 2, own_postgres.stop)


@pytest.mark.torture_pg
@pytest.mark.timeout(120)
def test_the_rate_is_back_five_seconds_after_the_server(
    lone_world: World, own_postgres: PostgresServer
) -> None:
    producers, workers = start_all(lone_world)
    lone_world.listen(1.0)
    before = rate(lone_world, own_postgres)
    own_postgres.kill()
    lone_world.listen(10.0)
    own_postgres.start()
    lone_world.listen(5.0)
    after = rate(lone_world, own_postgres)
    print(f"{before:.0f} messages a second before, {after:.0f} five seconds after it came back")
    assert after >= 0.9 * before
    finish(lone_world, producers, workers)
    judge(lone_world)
