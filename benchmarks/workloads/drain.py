"""Processes empty a queue that holds a backlog; nobody enqueues.

Plan: url, backlog, kind ("typed", "bytes", "batch" of flow.py; "slow": 5 ms a message), processes
(that handle; this one looks), concurrency, seconds. Gives messages per second durably settled,
from the moment all have begun until the time is over or a twentieth is left.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import msgq
from benchmarks.workloads.common import QUEUE, counts, finish, main, open_app, start
from benchmarks.workloads.flow import KINDS, fill, handle

SLOW_S = 0.005


def slow_handler(app: msgq.App, plan: Mapping[str, Any]) -> Any:
    @app.handler(queue=QUEUE, name="count")
    def count(body: bytes) -> None:
        time.sleep(SLOW_S)

    bodies = [b"x" * 200] * 1000
    return lambda: count.enqueue_many_later(bodies)


KINDS["slow"] = slow_handler


def settled_rate(app: msgq.App, plan: Mapping[str, Any]) -> dict[str, float]:
    last = plan["backlog"] * 0.95
    workers = plan.get("processes", 1)
    while app.queue(QUEUE).depth().done == 0:
        time.sleep(0.005)
    time.sleep(1.0 if workers > 1 else 0.3)  # until the others have begun
    start_s, before = time.perf_counter(), counts(app)[1]
    now = before
    while time.perf_counter() - start_s < plan.get("seconds", 3.0) and now < last:
        time.sleep(0.02)
        now = counts(app)[1]
    took = time.perf_counter() - start_s
    if now == before:
        raise SystemExit("nothing was left to measure: a longer backlog, please")
    return {"out_per_s": (now - before) / took, "left": plan["backlog"] - now}


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    if plan.get("role") == "handle":
        return handle(plan)
    with open_app(plan) as app, ExitStack() as children:
        begun = time.perf_counter()
        fill(app, KINDS[plan.get("kind", "typed")](app, plan), plan["backlog"])
        fill_s = time.perf_counter() - begun
        for _ in range(plan.get("processes", 1)):
            children.callback(finish, start("drain", {**plan, "role": "handle"}))
        return {**settled_rate(app, plan), "fill_per_s": plan["backlog"] / fill_s}


if __name__ == "__main__":
    main(work)
