"""K4: a worker that is asked to stop stops well, and one that is asked twice stops at once.

On SIGTERM a worker claims nothing more within 100 ms; handlers that run finish; what was claimed
and not begun goes back unspent, and another process can have it in less than a second; the exit
status is 0. A second signal leaves at once, whatever runs; what ran is handled again by others.
"""

from __future__ import annotations

import signal
import time

import pytest

import msgq
from tests.oracle import account
from tests.system.support.program import Program
from tests.system.support.world import World

SLOTS = 8
COUNT = 120
AT_ONCE_S = 1.5


def fill(world: World, count: int = COUNT) -> None:
    """Have a producer send some messages."""
    producer = world.start("produce", "producer", parcel=count, count=count)
    assert producer.wait() == 0, producer.words()


def run_worker(world: World, name: str, hold_s: float) -> Program:
    """Start a worker whose handlers take `hold_s`, with messages claimed ahead."""
    settings = {"concurrency": SLOTS, "prefetch": 24}
    worker = world.start("work", name, settings=settings, hold_s=hold_s, says=True)
    worker.expect("started", count=SLOTS)
    return worker


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_k4_one_signal_drains(world: World, number: signal.Signals) -> None:
    fill(world)
    worker = run_worker(world, "worker", hold_s=0.1)
    world.client.open()
    worker.send(number)
    asked_ns = time.monotonic_ns()
    rest: list[msgq.Delivery] = []
    while not worker.said("left") or len(rest) + len(worker.said("started")) < COUNT:
        found = world.queue().claim(COUNT, wait=0.1)
        assert {each.attempt for each in found} <= {1}, "what was not begun was counted"
        rest += found
        worker.read(0.0)
        took_s = (time.monotonic_ns() - asked_ns) / 1e9
        assert took_s < 10, f"{len(rest)} of {COUNT} came back; {worker.words()}"
    assert worker.wait(10) == 0, worker.words()
    for each in rest:
        each.ack()
    late = [each for each in worker.said("started") if each["mono_ns"] > asked_ns + 100_000_000]
    assert late == [], "handlers began after the signal"
    assert len(worker.said("finished")) == len(worker.said("started"))
    print(f"{len(rest)} messages came back, all within {took_s:.2f} s of the signal")
    assert took_s < 1.0 + 0.5  # half a second for two busy cores
    assert world.depth().depth == 0
    assert world.depth().done == COUNT


def test_k4_a_second_signal_leaves_at_once(world: World) -> None:
    fill(world, SLOTS)
    worker = run_worker(world, "worker", hold_s=600)
    worker.send(signal.SIGTERM)
    world.listen(0.2)
    assert worker.process.poll() is None, "it left although handlers were running"
    began = time.monotonic()
    world.notes.note("kill", target="worker")
    worker.send(signal.SIGTERM)
    assert worker.wait(10) == 128 + signal.SIGTERM
    took = time.monotonic() - began
    print(f"left {took:.2f} s after the second signal")
    assert took < AT_ONCE_S
    other = world.start("work", "other")
    world.drained()
    other.send(signal.SIGTERM)
    assert other.wait() == 0
    # leaving by its own shutdown gave all of it back unspent: the count did not rise
    history = world.history()
    assert [each.attempt for each in history.deliveries] == [1] * (2 * SLOTS)
    assert account(history).lost == ()
    assert world.depth().done == SLOTS


def test_k4_grace_is_a_bound(world: World) -> None:
    """Handlers that do not finish in the grace time are left; the status says so."""
    fill(world, SLOTS)
    worker = world.start("work", "worker", settings={"concurrency": SLOTS}, hold_s=600,
                         run={"grace": 0.3}, says=True)  # fmt: skip
    worker.expect("started", count=SLOTS)
    began = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.wait(10) == 1, worker.words()
    assert time.monotonic() - began < 0.3 + 4.5
    again = world.queue().claim(SLOTS, wait=5)
    assert again, "what the worker left behind did not come back"
