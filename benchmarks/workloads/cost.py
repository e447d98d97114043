"""What does a steady trickle cost? CPU, and the time from enqueue to the handler, at a given rate.

Plan: url, rate (messages a second, one enqueue each), seconds, profile; dsn, server_pid: see
server.py. One process does it all. Gives CPU seconds per million messages, the share of a core,
the same of the server, and end-to-end percentiles in milliseconds. What the pacing loop and the
handler cost themselves is measured first and taken off.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.workloads import server
from benchmarks.workloads.common import QUEUE, main, open_app, percentiles, wait_until_done

NOW = struct.Struct("<q192x")


def paced(send: Callable[[bytes], object], rate: float, seconds: float) -> int:
    """Call `send` at `rate` for so long; late calls are made up for at once."""
    start = time.perf_counter()
    sent = 0
    while (now := time.perf_counter() - start) < seconds:
        while sent < now * rate:
            send(NOW.pack(time.monotonic_ns()))
            sent += 1
        time.sleep(max(0.0, (sent + 1) / rate - (time.perf_counter() - start)))
    return sent


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    rate, seconds = plan.get("rate", 1667.0), plan.get("seconds", 3.0)
    samples: list[float] = []

    def noted(body: bytes) -> None:
        samples.append((time.monotonic_ns() - NOW.unpack(body)[0]) / 1e6)

    begun = time.process_time()
    paced(noted, rate, seconds)
    loop_cpu = time.process_time() - begun
    samples.clear()
    with open_app(plan) as app:
        note = app.handler(queue=QUEUE, name="note")(noted)
        with app.worker(concurrency=1):
            note.enqueue(NOW.pack(time.monotonic_ns()))
            wait_until_done(app, 1)
            samples.clear()
            watch = server.Watch(plan)
            begun = time.process_time()
            sent = paced(note.enqueue_later, rate, seconds)
            wait_until_done(app, sent + 1)
            cpu = time.process_time() - begun - loop_cpu
            watched = watch.figures(sent)
    return {
        "cpu_s_per_million": cpu / sent * 1e6,
        "core_share": cpu / seconds,
        "rate": sent / seconds,
        **watched,
        **percentiles(samples, "ms_"),
    }


if __name__ == "__main__":
    main(work)
