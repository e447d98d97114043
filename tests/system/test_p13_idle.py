"""P13: fifty idle workers, and a thousand idle queues, ask the server next to nothing.

What is asserted is how many transactions a worker costs the server in a poll period; the processor
time of both sides is printed beside it, as machines differ.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

import msgq
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer
from tests.support.postgres_fixtures import new_pooler
from tests.system.support.world import QUEUE, World

POLL_S = 1.0  # poll_max
SECONDS = 30.0
WARM_S = 12.0  # until polls have slowed down, and every backend has told its counts
BEATS_A_SECOND = 0.4
WATCH_A_SECOND = 12.5  # looks at the outbox, by one of all; nobody behind a pooler
CALLS_MAX = 1.8  # one is meant; chores, and what the server itself does, come on top
TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Of a while of being idle."""

    calls: float  # a worker and poll period; neither heartbeats nor the watch of the outbox
    server: float  # of a core
    clients: float


def cpu_s(pids: Iterable[int]) -> float:
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def server_pids(server: PostgresServer) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return [server.pid, *map(int, children.split())]


def commits(server: PostgresServer) -> int:
    ((count,),) = server.execute(
        "select xact_commit + xact_rollback from pg_stat_database where datname = 'msgq'"
    )
    return int(count)


def pooled_commits(own: PgBouncer) -> int:
    """At once, where sessions that rest tell the server their counts late."""
    return sum(int(row["total_xact_count"]) for row in own.show("STATS"))


def measure(
    world: World, server: PostgresServer, workers: int, count: Callable[[], int], others: float
) -> Cost:
    """Counts transactions and both sides' processor time while nothing happens."""
    world.listen(WARM_S)
    clients = [program.pid for program in world.programs]
    servers = server_pids(server)  # nobody connects meanwhile
    before = (count(), cpu_s(servers), cpu_s(clients), time.monotonic())
    world.listen(SECONDS)
    after = (count(), cpu_s(servers), cpu_s(clients), time.monotonic())
    calls, in_server, in_clients, seconds = (b - a for a, b in zip(before, after, strict=True))
    a_worker = (calls / seconds - others) / workers - BEATS_A_SECOND
    cost = Cost(a_worker * POLL_S, in_server / seconds, in_clients / seconds)
    print(
        f"{workers} idle workers: {cost.calls:.2f} calls a worker and poll period,"
        f" server {cost.server:.2%} of a core, workers {cost.clients:.2%}"
    )
    return cost


def run_idle(
    world: World,
    server: PostgresServer,
    processes: int,
    count: Callable[[], int] | None = None,
    **order: int,
) -> Cost:
    """Starts processes of idle workers and gives what they cost."""
    names = [f"{QUEUE}-{number}" for number in range(order["queues"])]
    with msgq.connect(world.url) as client:
        for name in names:  # a queue that has had a message, and is empty
            client.queue(name).enqueue(b"x")
            for delivery in client.queue(name).claim(1, wait=10):
                delivery.ack()
    programs = [world.start("idle", f"idle-{i}", None, **order) for i in range(processes)]
    for program in programs:
        program.expect("ready")
    workers = processes * order["engines"]
    if count is None:
        cost = measure(world, server, workers, lambda: commits(server), WATCH_A_SECOND)
    else:
        cost = measure(world, server, workers, count, 0.0)
    for program in programs:
        program.tell("end")
        assert program.wait() == 0, program.words()
    return cost


@pytest.mark.torture_pg
@pytest.mark.timeout(300)
def test_fifty_idle_workers(own_postgres: PostgresServer, tmp_path: Path) -> None:
    world = World(tmp_path, own_postgres.url)
    try:
        assert run_idle(world, own_postgres, 5, engines=10, queues=1).calls <= CALLS_MAX
    finally:
        world.close()


@pytest.mark.torture_pg
@pytest.mark.timeout(300)
def test_fifty_idle_workers_behind_a_pooler(own_postgres: PostgresServer, tmp_path: Path) -> None:
    with new_pooler(own_postgres) as own:
        world = World(tmp_path, own.url)

        def count() -> int:
            return pooled_commits(own)

        try:
            assert run_idle(world, own_postgres, 5, count, engines=10, queues=1).calls <= CALLS_MAX
        finally:
            world.close()


@pytest.mark.torture_pg
@pytest.mark.timeout(300)
def test_a_thousand_idle_queues(own_postgres: PostgresServer, tmp_path: Path) -> None:
    """A call looks at all of them."""
    world = World(tmp_path, own_postgres.url)
    try:
        assert run_idle(world, own_postgres, 1, engines=4, queues=1_000).calls <= CALLS_MAX
    finally:
        world.close()
