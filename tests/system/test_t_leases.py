"""T1, T2, T3, T6, T8: leases hold while their holder lives, and end for good when they end.

A worker renews its leases from a thread that needs no interpreter lock, so a handler may hold that
lock for longer than a lease. A process that stood still for three leases finds that its message is
somebody else's: whatever it then tries is refused and changes nothing. Clocks on the wall play no
part in any of this.
"""

from __future__ import annotations

import signal
import time

import pytest

import msgq
from tests.oracle import Limits
from tests.system.support.shims import preload
from tests.system.support.world import World

LEASE_S = 1.0


@pytest.mark.parametrize("holds_gil", [False, True])
def test_t1_a_lease_is_renewed_while_the_handler_runs(world: World, holds_gil: bool) -> None:
    """One delivery, although the handler takes four leases; also when it never lets Python run."""
    worker = world.start("holder", "holder", hold_s=4 * LEASE_S, holds_gil=holds_gil,
                         settings={"lease": LEASE_S})  # fmt: skip
    world.queue().enqueue(b"only|")
    worker.expect("started")
    stolen = world.queue().claim(1, wait=3 * LEASE_S)
    assert stolen == []
    worker.expect("finished")
    world.drained()
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0, worker.words()
    assert len(worker.said("started")) == 1
    assert world.depth().done == 1


def test_t2_what_comes_after_a_pause_is_refused(world: World) -> None:
    """A claims four messages and stands still; B settles them; then A tries each way to settle."""
    queue = world.queue()
    queue.enqueue_many([b"1", b"2", b"3", b"4"])
    claimer = world.start("claim", "claimer", count=4, lease_s=LEASE_S)
    assert claimer.expect("claimed")["attempts"] == [1, 1, 1, 1]
    world.pause(claimer)
    found = queue.claim(4, wait=3 * LEASE_S + 2)
    assert sorted(each.body for each in found) == [b"1", b"2", b"3", b"4"]
    assert {each.attempt for each in found} == {2}
    for each in found:
        each.ack()
    before = world.depth()
    claimer.send(signal.SIGCONT)
    for number, word in enumerate(["ack", "retry", "extend", "reject"], start=1):
        claimer.tell(word)
        did = claimer.expect("did", count=number)
        assert (did["word"], did["outcome"]) == (word, "LeaseLostError")
    after = world.depth()
    assert (after.done, after.dead, after.parked) == (before.done, 0, 0) == (4, 0, 0)
    claimer.tell("end")
    assert claimer.wait() == 0, claimer.words()


def test_t2_a_late_settle_cannot_hit_who_holds_it_now(world: World) -> None:
    """B still holds the messages when A wakes: A's tries must not end B's lease."""
    queue = world.queue()
    queue.enqueue_many([b"1", b"2", b"3", b"4"])
    claimer = world.start("claim", "claimer", count=4, lease_s=LEASE_S)
    claimer.expect("claimed")
    world.pause(claimer)
    found = queue.claim(4, wait=3 * LEASE_S + 2, lease=60)
    claimer.send(signal.SIGCONT)
    for number, word in enumerate(["ack", "retry", "extend", "reject"], start=1):
        claimer.tell(word)
        assert claimer.expect("did", count=number)["outcome"] == "LeaseLostError"
    assert (world.depth().leased, world.depth().done, world.depth().dead) == (4, 0, 0)
    for each in found:
        each.ack()
    assert world.depth().done == 4


def test_t2_a_worker_that_stood_still_settles_nothing(world: World) -> None:
    """The same for handlers: what the paused worker finishes late counts for nothing."""
    settings = {"lease": LEASE_S, "concurrency": 2}
    slow = world.start("work", "slow", settings=settings, hold_s=0.5, says=True)
    producer = world.start("produce", "producer", parcel=2, count=2)
    assert producer.wait() == 0, producer.words()
    slow.expect("started", count=2)
    world.pause(slow)
    quick = world.start("work", "quick", settings=settings)
    world.drained(seconds=3 * LEASE_S + 10)
    slow.send(signal.SIGCONT)
    slow.expect("finished", count=2)
    for worker in (slow, quick):
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    world.note_end()
    assert world.depth().done == 2
    world.judge(Limits(duplicated_max=2, recovered_max=0, needs_empty_end=True))


def test_t3_fences_grow_so_an_outside_store_can_refuse(world: World) -> None:
    """A and B write to a store that refuses numbers older than the last: A's late write is one."""
    outside: dict[str, int] = {}

    def write(body: str, fence: int) -> bool:
        is_newer = fence > outside.get(body, 0)
        outside[body] = max(fence, outside.get(body, 0))
        return is_newer

    queue = world.queue()
    queue.enqueue_many([b"1", b"2", b"3"])
    claimer = world.start("claim", "claimer", count=3, lease_s=LEASE_S)
    claimed = claimer.expect("claimed")
    world.pause(claimer)
    for _ in range(2):  # a second thief is newer than the first
        found: list[msgq.Delivery] = []
        while len(found) < 3:
            found += queue.claim(3, wait=3 * LEASE_S + 2, lease=LEASE_S)
        assert all(write(each.body.decode(), each.fence) for each in found)
    claimer.send(signal.SIGCONT)
    late = zip(claimed["bodies"], claimed["fences"], strict=True)
    assert not any(write(body, fence) for body, fence in late)
    for each in found:
        each.ack()
    claimer.tell("end")
    assert claimer.wait() == 0, claimer.words()


@pytest.mark.parametrize("leases", [3, pytest.param(60, marks=pytest.mark.torture_pg)])
def test_t8_every_worker_stands_still(world: World, leases: int) -> None:
    """The whole machine pauses for longer than the leases: what then is settled is still held."""
    settings = {"lease": LEASE_S, "concurrency": 2}
    workers = [world.start("work", f"worker-{n}", settings=settings, hold_s=0.3, says=True)
               for n in range(2)]  # fmt: skip
    producer = world.start("produce", "producer", parcel=20, count=20)
    assert producer.wait() == 0, producer.words()
    for worker in workers:
        worker.expect("started", count=2)
    for worker in workers:
        world.pause(worker)
    world.listen(leases * LEASE_S)
    for worker in workers:
        worker.send(signal.SIGCONT)
    world.drained()
    for worker in workers:
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    world.note_end()
    assert world.depth().done == 20
    # what ran when the machine stopped may be handed out once more
    world.judge(Limits(duplicated_max=4, recovered_max=0, needs_empty_end=True, needs_settled=True))


def test_t6_walls_clocks_ten_minutes_apart(world: World) -> None:
    """Two workers and a producer, one clock fast, one slow: no lease breaks, nothing is early."""
    shim = preload("shifted_clock", world.folder)
    settings = {"lease": LEASE_S, "concurrency": 2}
    workers = [
        world.start(
            "work",
            f"worker{shift}",
            {**shim, "CLOCK_SHIFT_S": str(shift)},
            settings=settings,
            hold_s=0.05,
        )
        for shift in (600, -600)
    ]
    producer = world.start("produce", "producer", {**shim, "CLOCK_SHIFT_S": "300"}, parcel=10,
                           count=300, pace_s=0.02)  # fmt: skip
    assert producer.wait() == 0, producer.words()
    world.drained()
    for worker in workers:
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    world.note_end()
    world.judge(Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True, needs_settled=True))


def test_t6_a_raw_lease_holds_against_a_process_ten_minutes_ahead(world: World) -> None:
    """A lease of 20 s is not over because somebody's clock says that ten minutes have passed."""
    queue = world.queue()
    queue.enqueue(b"mine|")
    (held,) = queue.claim(1, lease=20)
    environ = {**preload("shifted_clock", world.folder), "CLOCK_SHIFT_S": "600"}
    ahead = world.start("work", "ahead", environ, says=True)
    ahead.expect("ready")
    began = time.monotonic()
    while time.monotonic() - began < 2.0:
        world.listen(0.1)
    assert ahead.said("started") == []
    held.ack()
    assert world.depth().done == 1
