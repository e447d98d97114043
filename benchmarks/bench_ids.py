"""What do an id and the check of a queue's name cost? 1,000 a round."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from msgq import _core

COUNT = 1_000


def test_new_id(benchmark: BenchmarkFixture) -> None:
    benchmark(lambda: [_core.new_id() for _ in range(COUNT)])


def test_validate_queue_name(benchmark: BenchmarkFixture) -> None:
    def check() -> None:
        for _ in range(COUNT):
            _core.validate_queue_name("orders.paid")

    benchmark(check)
