"""P14: the clients' clocks are two hours off, both ways; only the server's clock counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.oracle import Limits
from tests.support.postgres import PostgresServer
from tests.system.support.shims import preload
from tests.system.support.world import QUEUE, World

OFF_S = 7200


def shifted(world: World, seconds: int) -> dict[str, str]:
    return {**preload("shifted_clock", world.folder), "CLOCK_SHIFT_S": str(seconds)}


def test_p14_nothing_is_early_late_or_lost(pg_world: World) -> None:
    """Workers ahead and behind share a queue; no lease breaks, nothing is handled twice."""
    settings = {"lease": 3.0, "concurrency": 2}
    workers = [
        pg_world.start("work", f"worker{shift}", shifted(pg_world, shift), settings=settings,
                       hold_s=0.02)
        for shift in (OFF_S, -OFF_S)
    ]  # fmt: skip
    producer = pg_world.start("produce", "producer", shifted(pg_world, OFF_S), parcel=10,
                              count=300, pace_s=0.02)  # fmt: skip
    assert producer.wait() == 0, producer.words()
    pg_world.drained()
    for worker in workers:
        worker.expect("ready")
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    pg_world.note_end()
    pg_world.judge(
        Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True, needs_settled=True)
    )


def test_p14_a_delay_counts_from_the_servers_clock(
    pg_world: World, postgres_server: PostgresServer
) -> None:
    schema = pg_world.url.rpartition("schema=")[2]
    for shift in (OFF_S, -OFF_S):
        command = [sys.executable, "-m", "msgq", "enqueue", QUEUE, "later", "--delay", "60s"]
        environ = {**os.environ, "MSGQ_URL": pg_world.url, **shifted(pg_world, shift)}
        subprocess.run(command, env=environ, check=True, capture_output=True)
    waits = postgres_server.execute(
        f"select extract(epoch from due - clock_timestamp())::float from {schema}.parked"
    )
    assert len(waits) == 2
    assert all(0 < wait <= 61 for (wait,) in waits), waits


def test_p14_a_lease_holds_against_a_process_two_hours_ahead(pg_world: World) -> None:
    queue = pg_world.queue()
    queue.enqueue(b"mine|")
    (held,) = queue.claim(1, lease=20)
    ahead = pg_world.start("work", "ahead", shifted(pg_world, OFF_S), says=True)
    ahead.expect("ready")
    pg_world.listen(2.0)
    assert ahead.said("started") == []
    held.ack()
    assert pg_world.depth().done == 1
