"""Processes empty a queue that holds a backlog; nobody enqueues.

Plan: url, backlog, kind ("typed", "bytes", "batch" of flow.py; "slow": 5 ms a message), processes
(that handle, beginning together; this one looks), concurrency, seconds. Gives messages per second
durably settled, from the beginning until the time is over or a twentieth is left.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import msgq
from benchmarks.workloads.common import (
    QUEUE,
    await_line,
    counts,
    finish,
    main,
    open_app,
    start,
    tell,
)
from benchmarks.workloads.flow import KINDS, fill

SLOW_S = 0.005


def slow_handler(app: msgq.App, plan: Mapping[str, Any]) -> Any:
    @app.handler(queue=QUEUE, name="count")
    def count(body: bytes) -> None:
        time.sleep(SLOW_S)

    bodies = [b"x" * 200] * 1000
    return lambda: count.enqueue_many_later(bodies)


KINDS["slow"] = slow_handler


def handle_when_told(plan: Mapping[str, Any]) -> Mapping[str, float]:
    """Handle from the first line of standard input until its end."""
    with open_app(plan) as app:
        KINDS[plan.get("kind", "typed")](app, plan)
        print("ready", flush=True)
        sys.stdin.readline()
        with app.worker(concurrency=plan.get("concurrency", 1)):
            sys.stdin.read()
    return {}


def settled_rate(app: msgq.App, plan: Mapping[str, Any]) -> dict[str, float]:
    start_s, now = time.perf_counter(), 0
    while time.perf_counter() - start_s < plan.get("seconds", 3.0) and now < plan["backlog"] * 0.95:
        time.sleep(0.01)
        now = counts(app)[1]
    return {"out_per_s": now / (time.perf_counter() - start_s), "left": plan["backlog"] - now}


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    if plan.get("role") == "handle":
        return handle_when_told(plan)
    with open_app(plan) as app, ExitStack() as ends:
        fill(app, KINDS[plan.get("kind", "typed")](app, plan), plan["backlog"])
        told = {**plan, "role": "handle"}
        children = [start("drain", told) for _ in range(plan.get("processes", 1))]
        for child in children:
            ends.callback(finish, child)
            await_line(child)
        for child in children:
            tell(child)
        return settled_rate(app, plan)


if __name__ == "__main__":
    main(work)
