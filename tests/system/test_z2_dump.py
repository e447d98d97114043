"""Z2: pg_dump while producers and workers run, restored into another database.

The copy is a state the queue was in: every count adds up; nobody there holds a lease for long;
everything that was acknowledged before the dump began and not yet handled is handed out, once; what
had been handled comes again only if it was in a worker's hands.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest

import msgq
from tests.oracle.history import History
from tests.support.postgres import PostgresServer
from tests.system.programs.common import key_of
from tests.system.support.storm import HELD, SETTINGS
from tests.system.support.world import World

WORKERS = 2


def drain(url: str) -> Counter[str]:
    """Handle everything there and count it by its key."""
    seen: Counter[str] = Counter()
    with msgq.connect(url) as client:
        queue = client.queue("work")
        depth = queue.depth()
        parts = (depth.waiting, depth.parked, depth.leased, depth.done, depth.dead, depth.purged)
        assert sum(parts) == depth.sent
        while queue.depth().depth > 0:
            for each in queue.claim(1_000, wait=10):
                seen[key_of(each.body)] += 1
                each.ack()
        assert queue.depth().done == depth.sent
    return seen


def check(history: History, began_ns: int, ended_ns: int, restored: Counter[str]) -> None:
    """Compare what came out of the copy with what histories say of the time of the dump."""
    acknowledged = {each.id for each in history.sends if each.returned_ns < began_ns}
    attempted = {each.id for each in history.sends if each.called_ns < ended_ns}
    handled = {each.id for each in history.deliveries if each.seen_ns < ended_ns}
    settled = {each.id for each in history.settles if each.called_ns < began_ns}
    assert set(restored.values()) <= {1}
    assert acknowledged - handled <= set(restored), "lost by the copy"
    assert set(restored) <= attempted
    again = len(settled & set(restored))
    print(f"{len(restored)} in the copy, {again} of them had just been handled")
    assert again <= WORKERS * HELD


@pytest.mark.torture_pg
def test_z2_a_dump_of_a_running_queue(lone_world: World, own_postgres: PostgresServer) -> None:
    world = lone_world
    workers = [world.start("work", f"worker-{n}", settings=SETTINGS, hold_s=0.02)
               for n in range(WORKERS)]  # fmt: skip
    producers = [world.start("produce", f"producer-{n}", parcel=50, pace_s=0.04) for n in range(2)]
    for program in [*workers, *producers]:
        program.expect("ready")
    world.listen(2.0)
    began = time.monotonic_ns()
    archive = str(own_postgres.place / "dump")
    own_postgres.run_client("pg_dump", "-Fc", "-f", archive, "msgq")
    ended = time.monotonic_ns()
    world.listen(0.5)
    for producer in producers:
        producer.tell("end")
        assert producer.wait() == 0, producer.words()
    world.drained(60)
    for worker in workers:
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    own_postgres.execute("create database copy")
    own_postgres.run_client("pg_restore", "-d", "copy", archive)
    where = urlsplit(world.url)
    check(world.history(), began, ended, drain(where._replace(path="/copy").geturl()))
