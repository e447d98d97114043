"""Blocks in one call of msgq and tells when Ctrl-C ended it. Orders: call."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import msgq
from tests.support.foreign import write_transaction
from tests.system.programs.common import say, spec


def receipt_wait() -> None:
    """Wait for a receipt that does not come: a message that lingers for its company."""
    client = msgq.connect(linger=60)
    client.queue(spec["queue"]).enqueue_later(b"x").wait(60)


def full_queue() -> None:
    """Enqueue beyond the bound of what may be on its way, nothing of which can leave."""
    client = msgq.connect(linger=60, inflight_count_max=1, overflow_wait=60)
    client.queue(spec["queue"]).enqueue_later(b"x")
    client.queue(spec["queue"]).enqueue(b"y")


def lone_enqueue() -> None:
    msgq.connect(linger=60).queue(spec["queue"]).enqueue(b"x")


def collect() -> None:
    client = msgq.connect(linger=60)  # kept: a client that nobody has is closed
    msgq.collect([client.queue(spec["queue"]).enqueue_later(b"x")], timeout=60)


def run_until_idle() -> None:
    app = msgq.App()
    held = threading.Event()

    @app.handler(queue=spec["queue"], name="*")
    def handle(body: bytes) -> None:
        held.wait(60)

    app.queue(spec["queue"]).enqueue(b"x")
    with app.worker(concurrency=1, grace=0) as worker:
        worker.run_until_idle(60)


def locked_store() -> None:
    """Claim from a store that another program keeps from answering."""
    client = msgq.connect()
    queue = client.queue(spec["queue"])
    queue.enqueue(b"x")
    with write_transaction(os.environ["MSGQ_URL"].removeprefix("sqlite:///")):
        queue.claim(1, wait=60)


CALLS: dict[str, Callable[[], object]] = {
    "claim": lambda: msgq.connect().queue(spec["queue"]).claim(1, wait=60),
    "claim of a locked store": locked_store,
    "receipt.wait": receipt_wait,
    "enqueue on a full queue": full_queue,
    "enqueue": lone_enqueue,
    "collect": collect,
    "run_until_idle": run_until_idle,
}


def main() -> None:
    say("blocking")
    try:
        CALLS[spec["call"]]()
    except KeyboardInterrupt:
        say("interrupted")
    else:
        say("returned")


if __name__ == "__main__":
    main()
