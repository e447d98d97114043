"""PA1 to PA16: what the reference systems promise of speed and size.

Nothing here looks at a clock: exchanges, connections, threads and messages are counted. What can
only be timed is a row of the benchmarks, named here.
"""

from __future__ import annotations

import gc
import os
import threading

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import take, take_rest
from tests.contract.conftest import MakeApp
from tests.contract.outages import QUICK, expect_none_possible
from tests.contract.stores import Outage, Store
from tests.contract.verdicts import MeasuredBy
from tests.support.stuck import Stuck

SECONDS = 20.0


def flushes(app: msgq.App, name: str) -> int:
    """How many exchanges with the store there were, all that was sent being stored."""
    while app.stats(with_depth=False).traffic_of(name).in_flight:
        pass
    return app.stats(with_depth=False).store.flushes


def meet(workers: list[msgq.App], name: str, count: int) -> None:
    """Handles `count` messages that each wait until all of them are being handled."""
    together = threading.Barrier(count)

    def meeting(n: int) -> None:
        together.wait(SECONDS)

    for each in workers:
        each.handler(queue=name, name=name)(meeting)
    workers[0].handlers[name].enqueue_many(range(count))
    slots = count // len(workers)
    running = [each.worker([name], concurrency=slots).start() for each in workers]
    for worker in running:
        worker.run_until_idle(SECONDS)
    assert workers[0].queue(name).depth().done == count


def test_pa1_sustained_throughput(measured_by: MeasuredBy) -> None:
    """Sustained throughput: 1,000 msg/s for an hour; msgq holds itself to far more."""
    measured_by(memory="N6 memory typed", sqlite="N5 sqlite typed 1000", postgresql="hold reached")


def test_pa2_batch_beats_single(app: msgq.App, name: str) -> None:
    """Batch beats single: fewer exchanges a message."""
    queue = app.queue(name)
    begun = flushes(app, name)
    for _ in range(200):
        queue.enqueue(b"x")
    single = flushes(app, name) - begun
    queue.enqueue_many([b"x"] * 2000)
    batch = flushes(app, name) - begun - single
    assert queue.depth().waiting == 2200
    assert batch < 10 * single  # for ten times as many messages


def test_pa3_scaling_is_linear(app: msgq.App, name: str) -> None:
    """Linear scaling to the provider limit: N slots really run N handlers at once.

    How near to N times the throughput that comes is measured: N12 of the benchmarks.
    """
    meet([app], name, 8)


def test_pa4_limits_are_respected(app: msgq.App, name: str) -> None:
    """Limits respected: never more handlers at once than allowed."""
    inside, seen, lock = [0], set(), threading.Lock()

    @app.handler(queue=name, name=name, concurrency=2)
    def counting(n: int) -> None:
        with lock:
            inside[0] += 1
            seen.add(inside[0])
        app.queue(name).peek(1)  # gives others a chance to come in
        with lock:
            inside[0] -= 1

    counting.enqueue_many(range(100))
    with app.worker(concurrency=6) as worker:
        worker.run_until_idle(SECONDS)
    assert app.queue(name).depth().done == 100
    assert max(seen) <= 2


def test_pa5_p95_is_under_the_sla(measured_by: MeasuredBy) -> None:
    """p95 under the SLA: 500 ms end to end."""
    measured_by(
        memory="N14 memory 1000/s p95", sqlite="N14 sqlite 1000/s p95", postgresql="N14 1000/s p95"
    )


def test_pa6_client_overhead_is_under_10_percent(measured_by: MeasuredBy) -> None:
    """Client overhead under 10 % of processing time."""
    measured_by(memory="N8 memory slow", sqlite="N8 sqlite slow", postgresql="N14 1667/s core")


def test_pa7_connections_are_amortised(app: msgq.App, name: str) -> None:
    """Connections amortised: a thousand messages need no more of them than one."""
    queue = app.queue(name)
    queue.enqueue(b"x")
    queue.claim(1, wait=SECONDS)[0].ack()
    queue.peek()
    before = app.stats()
    queue.enqueue_many([b"x"] * 1000)
    for each in take(queue, 1000):
        each.ack()
    after = app.stats()
    assert queue.depth().done == 1001
    assert after.connections.connects == before.connections.connects
    assert after.process.store_connections == before.process.store_connections


def test_pa8_timeouts_are_respected(app: msgq.App, name: str) -> None:
    """Timeouts respected: each wait that has one ends by it, as empty or with its own error."""
    assert app.queue(name).claim(1, wait=0.05) == []
    stuck = Stuck(app, name)
    stuck.handler.enqueue(1)
    with app.worker() as worker:
        stuck.wait_started()
        with pytest.raises(msgq.WaitTimeoutError):
            worker.run_until_idle(0.05)
        stuck.release.set()
        worker.run_until_idle(SECONDS)
    assert app.queue(name).depth().done == 1


def test_pa9_memory_is_bounded(make_app: MakeApp, name: str) -> None:
    """Memory bounded: a worker holds no more than its slots and prefetch, however long the queue.

    That it stays flat over millions of messages is measured: N9 of the benchmarks.
    """
    app = make_app(concurrency=1, claim_size=5, prefetch=5)
    stuck = Stuck(app, name)
    stuck.handler.enqueue_many(range(1000))
    with app.worker() as worker:
        stuck.wait_started()
        assert app.stats().traffic_of(name).held <= 10
        assert app.queue(name).depth().waiting >= 990
        stuck.release.set()
        worker.run_until_idle(SECONDS)
    stats = app.stats()
    assert (stats.traffic_of(name).held, stats.store.bytes_in_flight) == (0, 0)


def test_pa10_the_connection_count_is_bounded(make_app: MakeApp, name: str) -> None:
    """Connection count bounded: it does not follow the number of handlers."""

    def most(app: msgq.App, queue: str, concurrency: int) -> int:
        seen = [0]

        @app.handler(queue=queue, name=queue)
        def looking(n: int) -> None:
            app.queue(queue).depth()
            seen.append(app.stats(with_depth=False).process.store_connections)

        looking.enqueue_many(range(24))
        with app.worker([queue], concurrency=concurrency) as worker:
            worker.run_until_idle(SECONDS)
        assert len(seen) == 25
        return max(seen)

    app = make_app()
    one = most(app, name, 1)
    assert most(app, f"{name}-many", 12) <= max(one, app.stats().connections.size)


def test_pa11_cpu_follows_work(measured_by: MeasuredBy) -> None:
    """CPU follows work: CPU seconds a million messages, at 1,000 to 10,000 a second."""
    measured_by(
        memory="N14 memory 10000/s CPU",
        sqlite="N14 sqlite 10000/s CPU",
        postgresql="N14 10000/s client CPU",
    )


def test_pa12_everything_is_cleaned_up(store: Store, name: str) -> None:
    """Everything cleaned up: threads, descriptors and leases are gone once closed."""

    def use() -> None:
        app = msgq.App(store.url, profile="test")

        @app.handler(queue=name, name=name)
        def handler(n: int) -> None: ...

        handler.enqueue_many(range(10))
        run_until_idle(app, [name], SECONDS)
        assert app.close(SECONDS)

    use()  # what a process keeps for good is there afterwards
    gc.collect()
    before = left()
    for _ in range(3):
        use()
    assert left() <= before  # though the garbage collector may not have been here yet


def left() -> int:
    """Threads and descriptors of this process."""
    return len(os.listdir("/proc/self/task")) + len(os.listdir("/proc/self/fd"))


def test_pa13_more_consumers_give_more_throughput(
    app: msgq.App, other: msgq.App, name: str
) -> None:
    """More consumers give more throughput: two workers handle at the same time.

    How much more is measured: N12 of the benchmarks.
    """
    meet([app] if app is other else [app, other], name, 4)


def test_pa14_depth_falls_with_capacity(queue: msgq.Queue) -> None:
    """Depth falls with capacity: each batch handled is off the queue at once."""
    queue.enqueue_many([b"x"] * 200)
    depths = [queue.depth().depth]
    for _ in range(4):
        for each in take(queue, 50):
            each.ack()
        depths.append(queue.depth().depth)
    assert depths == [200, 150, 100, 50, 0]


def test_pa15_degradation_is_graceful(make_app: MakeApp, name: str) -> None:
    """Graceful degradation: over its bound it refuses, typed, and keeps all that it accepted."""
    app = make_app(inflight_count_max=10, overflow="raise", linger=60)
    queue = app.queue(name)
    receipts = [queue.enqueue_later(b"%d" % n) for n in range(10)]
    for send in (queue.enqueue_later, lambda body: queue.enqueue_many([body])):
        with pytest.raises(msgq.QueueFullError) as caught:
            send(b"more")
        assert caught.value.is_retryable
    assert app.stats(with_depth=False).traffic_of(name).in_flight == 10
    assert app.close(SECONDS)
    assert {each.status for each in receipts} == {"persisted"}


def test_pa16_recovery_comes_by_itself(outage: Outage | None, make_app: MakeApp, name: str) -> None:
    """Recovery within a set time: what waited for the store is settled once it is back.

    The set time is enqueue_timeout, after which a receipt says that it failed.
    """
    if outage is None:
        expect_none_possible(make_app(), name)
        return
    queue = make_app(outage.url, **{**QUICK, "enqueue_timeout": 60}).queue(name)
    queue.enqueue(b"before")
    outage.down()
    waiting = [queue.enqueue_later(b"%d" % n) for n in range(5)]
    outage.up()
    msgq.wait_all(waiting, SECONDS)
    assert {each.status for each in waiting} == {"persisted"}
    found = take_rest(queue)
    assert [each.body for each in found] == [b"before", *(b"%d" % n for n in range(5))]
