"""asyncio: 1,000 tasks that each await one enqueue after the other; 1,000 async handlers at once.

Plan: url, kind ("enqueue" or "handle"), tasks, seconds. Gives messages per second: durably stored,
or durably settled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgq
from benchmarks.workloads.common import QUEUE, counts, main, open_app

BODY = b"x" * 200


def enqueue_rate(app: msgq.App, tasks: int, seconds: float) -> Mapping[str, float]:
    @app.handler(queue=QUEUE, name="never")
    def never(body: bytes) -> None:
        pass

    never.enqueue(BODY)  # opens the store before the clock runs

    async def send(end: float) -> int:
        number = 0
        while time.perf_counter() < end:
            await never.aenqueue(BODY)
            number += 1
        return number

    async def everyone() -> float:
        start = time.perf_counter()
        sent = await asyncio.gather(*(send(start + seconds) for _ in range(tasks)))
        return sum(sent) / (time.perf_counter() - start)

    return {"per_s": asyncio.run(everyone())}


def handle_rate(app: msgq.App, tasks: int, seconds: float) -> Mapping[str, float]:
    @app.handler(queue=QUEUE, name="soon", concurrency=tasks)
    async def soon(body: bytes) -> None:
        await asyncio.sleep(0)

    for _ in range(int(seconds * 400)):
        soon.enqueue_many([(BODY,)] * 1000)
    with app.worker(concurrency=1):
        time.sleep(0.2)
        start, before = time.perf_counter(), counts(app)[1]
        while time.perf_counter() - start < seconds:
            sent, done = counts(app)
            if done == sent:
                break
            time.sleep(0.01)
        return {"per_s": (counts(app)[1] - before) / (time.perf_counter() - start)}


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    rate = handle_rate if plan.get("kind") == "handle" else enqueue_rate
    with open_app(plan) as app:
        return rate(app, plan.get("tasks", 1_000), plan.get("seconds", 3.0))


if __name__ == "__main__":
    main(work)
