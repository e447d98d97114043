"""How much memory do messages take while in flight, and does it stay flat over millions?

Plan: url, kind: "flight" holds `messages` deliveries in async handlers and gives the memory they
take; "flat" sends `messages` through and gives memory after a tenth of them and at the end.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Mapping
from typing import Any

import msgq
from benchmarks.workloads.common import QUEUE, counts, main, memory_mb, open_app, wait_until_done


def in_flight(app: msgq.App, messages: int) -> Mapping[str, float]:
    started = 0
    release = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    @app.handler(queue=QUEUE, name="hold", concurrency=messages + 1)
    async def hold(body: bytes) -> None:
        nonlocal started
        started += 1
        if not loops:
            loops.append(asyncio.get_running_loop())
        if body != b"warm":
            await release.wait()

    with app.worker(concurrency=1):
        hold.enqueue(b"warm")
        wait_until_done(app, 1)
        gc.collect()
        before = memory_mb()
        receipts = [hold.enqueue_later(b"x" * 200) for _ in range(messages)]
        while started < messages + 1:
            time.sleep(0.01)
        held = memory_mb() - before
        loops[0].call_soon_threadsafe(release.set)
        wait_until_done(app, messages + 1)
    return {"mb_in_flight": held, "receipts": float(len(receipts))}


def flat(app: msgq.App, messages: int) -> Mapping[str, float]:
    @app.handler(queue=QUEUE, name="nothing", batch=msgq.Batch(max_size=1000))
    def nothing(bodies: list[bytes]) -> None:
        pass

    blocks = messages // 1000
    early = 0.0
    with app.worker(concurrency=1):
        for number in range(1, blocks + 1):
            nothing.enqueue_many([b"x" * 200] * 1000)
            while number % 20 == 0 and number * 1000 - counts(app)[1] > 100_000:
                time.sleep(0.001)
            if number == blocks // 10:
                early = memory_mb()
        wait_until_done(app, messages)
    return {"early_mb": early, "late_mb": memory_mb(), "growth_mb": memory_mb() - early}


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    with open_app(plan) as app:
        if plan.get("kind") == "flat":
            return flat(app, plan.get("messages", 10_000_000))
        return in_flight(app, plan.get("messages", 10_000))


if __name__ == "__main__":
    main(work)
