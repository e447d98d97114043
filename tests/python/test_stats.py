"""Typed figures: counters, depths, rates since the last look, percentiles."""

from __future__ import annotations

import json
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgq
from msgq.duration import now_ms
from msgq.stats import Meter, depth_from, percentiles
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.foreign import write_transaction


def test_figures_follow_the_messages(any_app: msgq.App) -> None:
    @any_app.handler(queue="q", retry=msgq.RetryPolicy(2, base=0))
    def handler(n: int) -> None:
        if n == 0:
            raise ValueError

    handler.enqueue_many(list(range(10)))
    handler.using(delay="1h").enqueue(99)
    before = any_app.stats()
    depth = before.depth_of("q")
    assert (depth.sent, depth.waiting, depth.parked, depth.depth) == (11, 10, 1, 11)
    assert depth.oldest_at is not None
    assert 0 <= depth.oldest_age < 60
    traffic = before.traffic_of("q")
    assert (traffic.enqueued, traffic.persisted, traffic.in_flight) == (11, 11, 0)
    assert traffic.enqueue_time.count == 11
    run_until_idle(any_app)
    after = any_app.stats()
    traffic = after.traffic_of("q")
    assert (traffic.claimed, traffic.done, traffic.retried, traffic.dead) == (11, 9, 1, 1)
    assert (traffic.held, traffic.failed, traffic.dropped, traffic.lost) == (0, 0, 0, 0)
    assert traffic.done_rate > 0
    assert traffic.enqueue_rate == 0
    assert traffic.handle_time.count >= 10
    assert traffic.age.p50 is not None
    assert after.depth_of("q").depth == 1
    assert after.depth_of("nowhere") == msgq.stats.QueueDepth("nowhere")
    assert after.process.memory_bytes > 1 << 20
    assert after.process.threads >= 1
    assert after.process.memory_peak_bytes >= after.process.memory_bytes // 2
    assert after.store.flushes >= 0
    assert json.loads(json.dumps(after.to_dict(), default=str))["seconds"] > 0
    assert any_app.stats(with_depth=False).depth == ()


def test_every_outcome_has_its_counter(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue_many([1, 2, 3, 4])
    done, again, later, dead = queue.claim(4, wait=5)
    done.ack()
    again.retry("1h")
    later.snooze("1h")
    dead.reject("no use")
    found = any_app.stats().traffic_of("q")
    outcomes = (found.done, found.retried, found.snoozed, found.dead)
    assert (found.claimed, outcomes) == (4, (1, 1, 1, 1))


def test_what_is_not_stored_yet_is_in_flight(make_app: MakeApp) -> None:
    app = make_app("sqlite:///q.db", linger=10)
    for _ in range(3):
        app.queue("q").enqueue_later(b"x" * 100)
    stats = app.stats(with_depth=False)
    found = stats.traffic_of("q")
    assert (found.enqueued, found.persisted, found.in_flight) == (3, 0, 3)
    assert stats.store.bytes_in_flight >= 300


def test_what_could_not_be_stored_has_failed(make_app: MakeApp) -> None:
    app = make_app("sqlite:///q.db", busy_timeout=0.05, enqueue_timeout=0.1)
    app.open()
    with write_transaction("q.db"), pytest.raises(msgq.StoreUnavailableError):
        app.queue("q").enqueue_many([1, 2])
    stats = app.stats()
    found = stats.traffic_of("q")
    assert (found.enqueued, found.persisted, found.failed, found.in_flight) == (2, 0, 2, 0)
    assert stats.store.flush_errors > 0
    assert stats.process.store_connections > 0
    assert stats.process.threads >= stats.process.engine_threads == 2


def test_the_age_of_the_oldest_is_told_in_seconds() -> None:
    minutes_ago = now_ms() - 120_000
    found = depth_from({"queue": "q", "waiting": 2, "oldest_ms": minutes_ago})
    assert found.oldest_age == pytest.approx(120, abs=5)
    assert depth_from({"queue": "q", "oldest_ms": 0}).oldest_at is None


def test_a_snapshot_is_cheap_enough_each_second(app: msgq.App) -> None:
    for number in range(20):
        app.queue(f"q{number}").enqueue(b"x")
    app.stats()
    begin = perf_counter()
    for _ in range(10):
        app.stats()
    assert (perf_counter() - begin) / 10 < 0.1  # a tenth of the second it may be taken in


def test_percentiles_of_known_buckets() -> None:
    empty = percentiles([0] * 64)
    assert (empty.count, empty.p50, empty.most) == (0, None, None)
    buckets = [0] * 64
    buckets[10] = 98  # 512 to 1024 ns
    buckets[20] = 2
    found = percentiles(buckets)
    assert found.count == 100
    assert found.p50 == pytest.approx(768e-9, rel=0.01)
    assert found.p99 == pytest.approx(2**19.5 / 1e9, rel=0.1)
    assert found.most == 2**20 / 1e9


@given(st.lists(st.integers(0, 50), min_size=64, max_size=64))
def test_percentiles_rise(buckets: list[int]) -> None:
    found = percentiles(buckets)
    if found.count:
        assert found.p50 is not None
        assert found.p95 is not None
        assert found.p99 is not None
        assert found.most is not None
        assert 0 < found.p50 <= found.p95 <= found.p99 <= found.most


def test_rates_are_those_since_the_last_look() -> None:
    meter = Meter()
    counts = dict.fromkeys(
        ["enqueued", "persisted", "failed", "dropped", "claimed", "done", "retried", "snoozed",
         "dead", "lost", "in_flight", "held"], 0,
    )  # fmt: skip
    times = dict.fromkeys(["enqueue_ns", "handle_ns", "age_ns"], [0] * 64)
    rest = dict.fromkeys(
        ["flushes", "flush_errors", "blocks", "bytes_in_flight", "store_bytes", "reclaimed",
         "store_waiting_ns", "threads", "replica_lag_ms"], 0,
    )  # fmt: skip
    connections = dict.fromkeys(
        ["size", "used", "idle", "waiting", "borrows", "borrow_ns", "borrow_ns_max", "connects",
         "reconnects"], 3,
    )  # fmt: skip

    def snapshot(enqueued: int) -> dict[str, object]:
        traffic = {"queue": "q", **counts, **times, "enqueued": enqueued}
        return {"traffic": [traffic], "depth": [], **rest, "connections": connections,
                "flush_ns": [0] * 64}  # fmt: skip

    meter.read(snapshot(100))
    second = meter.read(snapshot(150))
    assert second.traffic_of("q").enqueue_rate == pytest.approx(50 / second.seconds)
    assert (second.connections.waiting, second.connections.borrow_time) == (3, 3e-9)
    assert second.process.store_connections == 6
