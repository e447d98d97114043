"""What does msgq add to the work of the handlers?

Plan: url, messages, kind: "batch" gives microseconds per message around a batch handler that does
nothing (1,000 at once); "slow" gives by which share 1 ms handlers, one at a time, take longer than
a plain loop over the same function.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgq
from benchmarks.workloads.common import QUEUE, main, open_app, wait_until_done


def spin(seconds: float) -> None:
    """Work for so long, holding the interpreter as real work does."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def around_batches(app: msgq.App, messages: int) -> Mapping[str, float]:
    @app.handler(queue=QUEUE, name="nothing", batch=msgq.Batch(max_size=1000))
    def nothing(bodies: list[bytes]) -> None:
        pass

    for _ in range(messages // 1000):
        nothing.enqueue_many([b"x" * 200] * 1000)
    start = time.perf_counter()
    with app.worker(concurrency=1):
        wait_until_done(app, messages)
        took = time.perf_counter() - start
    return {"us_per_message": took / messages * 1e6}


def around_slow_handlers(app: msgq.App, messages: int) -> Mapping[str, float]:
    @app.handler(queue=QUEUE, name="slow")
    def slow(body: bytes) -> None:
        spin(0.001)

    start = time.perf_counter()
    for _ in range(messages):
        slow(b"x")
    alone = time.perf_counter() - start
    slow.enqueue_many([(b"x" * 200,)] * messages)
    start = time.perf_counter()
    with app.worker(concurrency=1):
        wait_until_done(app, messages)
        took = time.perf_counter() - start
    return {"share": took / alone - 1}


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    with open_app(plan) as app:
        if plan.get("kind") == "slow":
            return around_slow_handlers(app, plan.get("messages", 1_000))
        return around_batches(app, plan.get("messages", 500_000))


if __name__ == "__main__":
    main(work)
