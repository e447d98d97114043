"""What Python's own in-memory queues give: the yardstick of `memory://`, durable in no sense.

    python benchmarks/ceilings/queue_ceiling.py [seconds]     prints messages per second as JSON

One producer thread and one thread that takes, in one process; `put_alone` is the producer without
anybody taking. `calls` is a loop that does nothing but call a function with each message.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

BODY = b"x" * 200
STRIDE = 1_000


class Puts(Protocol):
    def put(self, item: bytes | None) -> None: ...
    def get(self) -> bytes | None: ...


def in_and_out(made: Callable[[], Puts], seconds: float) -> float:
    """Messages per second through one queue, one thread on each side, at most 10,000 inside."""
    channel = made()
    taken = 0

    def take() -> None:
        nonlocal taken
        get = channel.get
        while get() is not None:
            taken += 1

    taker = threading.Thread(target=take)
    start = time.perf_counter()
    taker.start()
    while time.perf_counter() - start < seconds:
        put = channel.put
        for _ in range(STRIDE):
            put(BODY)
    channel.put(None)
    taker.join()
    return taken / (time.perf_counter() - start)


def put_alone(made: Callable[[], Puts], seconds: float) -> float:
    """Messages per second put by one thread; the queue is thrown away every 100,000."""
    done = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        put = made().put
        for _ in range(100_000):
            put(BODY)
        done += 100_000
    return done / (time.perf_counter() - start)


def calls(seconds: float) -> float:
    """Calls per second of a function that takes a message and does nothing."""

    def handler(body: bytes) -> None:
        pass

    bodies = [BODY] * STRIDE
    done = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for body in bodies:
            handler(body)
        done += STRIDE
    return done / (time.perf_counter() - start)


def measure(seconds: float) -> dict[str, float]:
    """Measure all, `seconds` each."""
    bounded: Callable[[], Any] = lambda: queue.Queue(10_000)  # noqa: E731
    return {
        "queue_per_s": in_and_out(bounded, seconds),
        "simple_queue_per_s": in_and_out(queue.SimpleQueue, seconds),
        "queue_put_per_s": put_alone(queue.Queue, seconds),
        "simple_queue_put_per_s": put_alone(queue.SimpleQueue, seconds),
        "calls_per_s": calls(seconds),
    }


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)))
