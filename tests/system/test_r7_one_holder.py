"""R7: thirty-two workers on one queue; no message is claimed twice within one lease."""

from __future__ import annotations

import signal

import pytest

from tests.oracle import Limits
from tests.system.support.world import World

PROCESSES, SLOTS = 4, 8


@pytest.mark.timeout(400)
@pytest.mark.parametrize("count", [4_000, pytest.param(100_000, marks=pytest.mark.torture_pg)])
def test_r7_nothing_is_claimed_twice(world: World, count: int) -> None:
    """All of it waits before they start, so they meet on every lane from the first claim on."""
    producer = world.start("produce", "producer", parcel=1_000, count=count)
    assert producer.wait(120) == 0, producer.words()
    settings = {"concurrency": SLOTS, "prefetch": 16}
    workers = [world.start("work", f"worker-{n}", settings=settings) for n in range(PROCESSES)]
    for worker in workers:
        worker.expect("ready")
    world.drained(240)
    for worker in workers:
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    world.note_end()
    history = world.history()
    world.judge(
        Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True, needs_settled=True),
        history,
    )
    assert {each.attempt for each in history.deliveries} == {1}
    assert len(history.deliveries) == count
