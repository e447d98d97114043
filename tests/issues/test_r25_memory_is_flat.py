"""R25: memory of a worker is flat over one million messages."""

from __future__ import annotations

import msgq
from msgq.stats import memory_bytes
from msgq.testing import run_until_idle


def test_r25_a_worker_over_a_million_messages() -> None:
    with msgq.App("memory://", profile="test") as app:

        @app.handler(queue="q")
        def handler(body: bytes) -> None: ...

        def round_of(count: int) -> int:
            for _ in range(count // 10_000):
                handler.enqueue_many([b"x" * 200] * 10_000)
            run_until_idle(app, timeout=100)
            return memory_bytes()[0]

        round_of(200_000)
        before = round_of(100_000)
        after = round_of(700_000)
        assert after - before < 24 << 20
        assert app.stats().traffic_of("q").done == 1_000_000
