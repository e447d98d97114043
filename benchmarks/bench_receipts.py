"""What does a receipt cost: made, waited for one by one, and 1,000 at once?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import msgq

BODY = b"x" * 200


@pytest.fixture
def app() -> Iterator[msgq.App]:
    """An app on a fresh store in memory."""
    with msgq.App("memory://") as app:
        yield app


def test_enqueue_later_and_wait(benchmark: BenchmarkFixture, app: msgq.App) -> None:
    @app.handler(queue="bench")
    def never(body: bytes) -> None: ...

    benchmark(lambda: never.enqueue_later(BODY).wait())


def test_wait_for_a_thousand(benchmark: BenchmarkFixture, app: msgq.App) -> None:
    @app.handler(queue="bench")
    def never(body: bytes) -> None: ...

    def once() -> None:
        msgq.wait_all([never.enqueue_later(BODY) for _ in range(1_000)])

    benchmark(once)
