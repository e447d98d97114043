"""Many queues at once: blocks go round them while one worker handles them all.

Plan: url, queues, block, seconds, window, concurrency. One process. Gives messages per second
durably stored and durably settled, summed over the queues, and `both`, the smaller of the two.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgq
from benchmarks.workloads.common import main, open_app

LEFT_MAX = 200_000


def totals(app: msgq.App) -> tuple[int, int]:
    depths = app.stats().depth
    return sum(each.sent for each in depths), sum(each.done for each in depths)


def produce(app: msgq.App, plan: Mapping[str, Any], stop: threading.Event) -> None:
    names = itertools.cycle([f"bench-{number}" for number in range(plan.get("queues", 1000))])
    bodies = [b"x" * 200] * plan.get("block", 100)
    receipts: deque[msgq.BatchReceipt] = deque()
    looked_s = time.perf_counter()
    while not stop.is_set():
        receipts.append(app.queue(next(names)).enqueue_many_later(bodies))
        if len(receipts) >= plan.get("window", 8):
            receipts.popleft().wait()
        if time.perf_counter() - looked_s > 0.2:
            while (sums := totals(app))[0] - sums[1] > LEFT_MAX and not stop.is_set():
                time.sleep(0.02)
            looked_s = time.perf_counter()
    for receipt in receipts:
        receipt.wait()


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    with open_app(plan) as app:
        for number in range(plan.get("queues", 1000)):

            @app.handler(queue=f"bench-{number}", name="*")
            def count(body: bytes) -> None:
                pass

        for number in range(plan.get("queues", 1000)):
            app.queue(f"bench-{number}").enqueue_later(b"the queue is there").wait()
        stop = threading.Event()
        producer = threading.Thread(target=produce, args=(app, plan, stop))
        with app.worker(concurrency=plan.get("concurrency", 8)):
            # The messages that made the queues are a lot of their own each.
            while totals(app)[1] < plan.get("queues", 1000):
                time.sleep(0.05)
            producer.start()
            time.sleep(1.0)
            start_s, before = time.perf_counter(), totals(app)
            time.sleep(plan.get("seconds", 3.0))
            took, after = time.perf_counter() - start_s, totals(app)
            stop.set()
            producer.join()
    into, out = ((now - then) / took for now, then in zip(after, before, strict=True))
    return {"in_per_s": into, "out_per_s": out, "both": min(into, out)}


if __name__ == "__main__":
    main(work)
