"""C7: the GIL is not held while msgq waits: another thread keeps ticking during every call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import msgq


@contextmanager
def watchdog(gap_max: float) -> Iterator[None]:
    """Fails when a thread that wakes every 5 ms could not run for longer than `gap_max`."""
    over = threading.Event()
    gaps: list[float] = []

    def tick() -> None:
        last = time.monotonic()
        while not over.wait(0.005):
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    # a busy machine may hold back any thread once; a held GIL does it for the whole wait
    gaps.sort()
    assert len(gaps) >= 10, "the watchdog did not run: the GIL was held"
    assert gaps[-2] < gap_max, gaps[-5:]


@pytest.mark.parametrize("url", ["memory://", "sqlite:///q.db"])
@pytest.mark.parametrize("kind", ["claim", "enqueue", "full", "receipt", "worker", "close"])
def test_c7_no_call_holds_the_gil_while_it_waits(url: str, kind: str) -> None:
    settings: dict[str, Any] = {"profile": "test", "overflow_wait": 1}
    if kind == "full":
        url, settings["store_count_max"] = "memory://", 1
    if kind == "receipt":
        settings["linger"] = 1
    app = msgq.App(url, **settings)
    queue = app.queue("q")

    @app.handler(queue="idle")
    def handler(n: int) -> None: ...

    def fill() -> None:
        queue.enqueue(b"x")
        with pytest.raises(msgq.QueueFullError):
            queue.enqueue(b"x")

    def work() -> None:
        with app.worker():
            queue.claim(1, wait=0.5)

    def enqueue() -> None:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            queue.enqueue(b"x")

    def close() -> None:
        queue.claim(1, wait=0.3)
        app.close()

    calls: dict[str, Callable[[], object]] = {
        "claim": lambda: queue.claim(1, wait=0.5),
        "enqueue": enqueue,
        "full": fill,
        "receipt": lambda: (queue.enqueue_later(b"x").wait(5), queue.claim(2, wait=0.5)),
        "worker": work,
        "close": close,
    }
    app.open()
    with watchdog(0.25):
        calls[kind]()
        queue._client.is_open and app.queue("empty").claim(1, wait=0.2)
    app.close()
