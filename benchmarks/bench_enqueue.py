"""What does one call of enqueue cost, durable on return, and one block of 1,000?

SQLite's floor is one flush of the disk: `fsync_ceiling` stands beside every table of the runner.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import msgq

BODY = b"x" * 200


@pytest.fixture(params=["memory", "sqlite"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[msgq.Queue]:
    """A queue of a fresh store, purged at the end of each benchmark with the store itself."""
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/bench.db"
    with msgq.connect(url) as client:
        yield client.queue("bench")


def test_enqueue_one(benchmark: BenchmarkFixture, queue: msgq.Queue) -> None:
    benchmark(queue.enqueue, BODY)


def test_enqueue_block(benchmark: BenchmarkFixture, queue: msgq.Queue) -> None:
    benchmark(queue.enqueue_many, [BODY] * 1_000)


def test_enqueue_claim_ack_one(benchmark: BenchmarkFixture, queue: msgq.Queue) -> None:
    def once() -> None:
        queue.enqueue(BODY)
        (delivery,) = queue.claim(1, wait=1.0)
        delivery.ack()

    benchmark(once)
