"""Typed figures: counters, depths, rates since the last look, percentiles."""

from __future__ import annotations

import json
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgq
from msgq.stats import Meter, percentiles
from msgq.testing import run_until_idle


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
    run_until_idle(any_app)
    after = any_app.stats()
    traffic = after.traffic_of("q")
    assert (traffic.done, traffic.retried, traffic.dead) == (9, 1, 1)
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
         "store_connections", "store_waiting_ns", "threads"], 0,
    )  # fmt: skip

    def snapshot(enqueued: int) -> dict[str, object]:
        traffic = {"queue": "q", **counts, **times, "enqueued": enqueued}
        return {"traffic": [traffic], "depth": [], **rest, "flush_ns": [0] * 64}

    meter.read(snapshot(100))
    second = meter.read(snapshot(150))
    assert second.traffic_of("q").enqueue_rate == pytest.approx(50 / second.seconds)
