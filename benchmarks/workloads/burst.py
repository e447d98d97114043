"""A burst into an idle queue: when is it durable, when is all of it handled?

Plan: url, messages, kind ("many": one enqueue_many; "later": one enqueue_later a message and a
wait for all receipts). One process. Gives seconds from the first call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from benchmarks.workloads.common import QUEUE, main, open_app, wait_until_done


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    messages = plan.get("messages", 50_000)
    with open_app(plan) as app:

        @app.handler(queue=QUEUE, name="count")
        def count(user: int, name: str, text: str) -> None:
            pass

        call = (4711, "Ada Lovelace", "x" * 170)
        with app.worker(concurrency=1):
            count.enqueue(*call)
            wait_until_done(app, 1)
            begun = time.perf_counter()
            if plan.get("kind") == "later":
                receipts = [count.enqueue_later(*call) for _ in range(messages)]
                for receipt in receipts:
                    receipt.wait()
            else:
                count.enqueue_many([call] * messages)
            durable = time.perf_counter() - begun
            wait_until_done(app, messages + 1)
            return {"durable_s": durable, "handled_s": time.perf_counter() - begun}


if __name__ == "__main__":
    main(work)
