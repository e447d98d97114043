"""Threads, or processes of one thread, that call `enqueue` with one message after the other.

Plan: url, threads, processes (more than 1: so many of one thread each), seconds, rate (messages a
second of all together; 0: as fast as they can), handled (true: a worker of this process handles
them). Gives messages per second durable on return, percentiles of a call in milliseconds and, when
handled, from the call to the handler (e2e_).
"""

from __future__ import annotations

import struct
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import msgq
from benchmarks.workloads.common import (
    QUEUE,
    await_line,
    finish,
    main,
    open_app,
    percentiles,
    start,
    tell,
    wait_until_done,
)

NOW = struct.Struct("<q192x")
WARM_S = 0.5


class Callers:
    """Threads that note how long each call took, and when it ended."""

    def __init__(self, note: msgq.Handler[[bytes], None], plan: Mapping[str, Any]) -> None:
        self._note = note
        self._number = plan.get("threads", 1)
        self._pause_s = self._number / plan["rate"] if plan.get("rate") else 0.0
        self._end_s = 0.0
        self._lock = threading.Lock()
        self.calls: list[tuple[float, float]] = []  # when it ended, how long it took

    def run(self, seconds: float) -> None:
        """Call for so long, each thread in a rhythm of its own."""
        begin_s = time.perf_counter()
        self._end_s = begin_s + seconds
        step_s = self._pause_s / self._number
        threads = [
            threading.Thread(target=self._run, args=(begin_s + number * step_s,))
            for number in range(self._number)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self, due_s: float) -> None:
        calls = []
        while (begun := time.perf_counter()) < self._end_s:
            if begun < due_s:
                time.sleep(due_s - begun)
                continue
            # A call that comes late is timed from when it was due: waiting for it is part of it.
            begun = due_s if self._pause_s else begun
            self._note.enqueue(NOW.pack(time.monotonic_ns()))
            ended = time.perf_counter()
            calls.append((ended, ended - begun))
            due_s += self._pause_s
        with self._lock:
            self.calls += calls


def in_one_process(plan: Mapping[str, Any]) -> Mapping[str, float]:
    """Everything here."""
    seconds = plan.get("seconds", 3.0)
    delays: list[float] = []
    with open_app(plan) as app, ExitStack() as busy:

        @app.handler(queue=QUEUE, name="note")
        def note(body: bytes) -> None:
            delays.append((time.monotonic_ns() - NOW.unpack(body)[0]) / 1e6)

        note.enqueue(NOW.pack(time.monotonic_ns()))
        if plan.get("handled"):
            busy.enter_context(app.worker(concurrency=1))
        callers = Callers(note, plan)
        begin_s = time.perf_counter()
        callers.run(WARM_S + seconds)
        if plan.get("handled"):
            wait_until_done(app, len(callers.calls) + 1)
    took = [took * 1e3 for ended, took in callers.calls if ended >= begin_s + WARM_S]
    skipped = int(len(delays) * WARM_S / (WARM_S + seconds))
    end_to_end = percentiles(delays[skipped:], "e2e_ms_") if delays else {}
    return {"per_s": len(took) / seconds, **percentiles(took, "ms_"), **end_to_end}


def across_processes(plan: Mapping[str, Any]) -> Mapping[str, float]:
    """Sum the rates of children that begin together."""
    with open_app(plan) as app:
        app.queue(QUEUE).enqueue(b"the tables are there")
    children = [
        start("singles", {**plan, "processes": 1, "role": "child"})
        for _ in range(plan["processes"])
    ]
    for child in children:
        await_line(child)
    for child in children:
        tell(child)
    found = [finish(child) for child in children]
    return {
        "per_s": sum(each["per_s"] for each in found),
        "ms_p50": max(each["ms_p50"] for each in found),
        "ms_p99": max(each["ms_p99"] for each in found),
    }


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    if plan.get("role") == "child":
        print("ready", flush=True)
        sys.stdin.readline()
        return in_one_process(plan)
    return across_processes(plan) if plan.get("processes", 1) > 1 else in_one_process(plan)


if __name__ == "__main__":
    main(work)
