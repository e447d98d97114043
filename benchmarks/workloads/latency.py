"""Idle queue: how long from calling enqueue until the handler starts?

Plan: url, samples, across (the handler runs in another process), pause (seconds between messages,
about), profile. Gives percentiles in microseconds, and how long enqueue itself took (durable).
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Mapping
from typing import Any

import msgq
from benchmarks.workloads.common import (
    QUEUE,
    finish,
    main,
    open_app,
    pause,
    percentiles,
    start,
    wait_until_done,
)

NOW = struct.Struct("<q")


def timed_handler(app: msgq.App, samples: list[float]) -> msgq.Handler[[bytes], None]:
    @app.handler(queue=QUEUE, name="note")
    def note(body: bytes) -> None:
        samples.append((time.monotonic_ns() - NOW.unpack(body)[0]) / 1e3)

    return note


def send(app: msgq.App, note: msgq.Handler[[bytes], None], plan: Mapping[str, Any]) -> list[float]:
    """Enqueue one message at a time into the idle queue; gives how long each call took."""
    took: list[float] = []
    for _ in range(plan.get("samples", 400) + 20):
        begun = time.monotonic_ns()
        note.enqueue(NOW.pack(begun))
        took.append((time.monotonic_ns() - begun) / 1e3)
        pause(plan.get("pause", 0.003))
    wait_until_done(app, len(took))
    return took


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    samples: list[float] = []
    with open_app(plan) as app:
        note = timed_handler(app, samples)
        if plan.get("role") == "handle":
            with app.worker(concurrency=1):
                sys.stdin.read()
            return {"samples": samples}  # type: ignore[dict-item]
        if plan.get("across"):
            child = start("latency", {**plan, "role": "handle"})
            took = send(app, note, plan)
            samples = finish(child)["samples"]
        else:
            with app.worker(concurrency=1):
                took = send(app, note, plan)
    # The first twenty find everything cold: the process starting, the file growing.
    return {**percentiles(samples[20:]), **percentiles(took[20:], "enqueue_")}


if __name__ == "__main__":
    main(work)
