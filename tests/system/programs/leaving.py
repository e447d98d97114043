"""A program that ends in one of the ways that trouble extensions. Orders: how.

It has messages on their way and a worker running when the interpreter begins to end.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading

import msgq
from tests.system.programs.common import say, spec

_started = threading.Event()
_held = threading.Event()


def enqueue_at_exit() -> None:
    try:
        app.queue(spec["queue"]).enqueue(b"late")
    except msgq.ClosedError:
        say("late", outcome="ClosedError")
    else:
        say("late", outcome="ok")


# Hooks run in reverse order: this one after msgq's own, which comes with the first App.
if spec["how"] == "enqueue in atexit":
    atexit.register(enqueue_at_exit)
app = msgq.App()


@app.handler(queue=spec["queue"], name="*")
def handle(body: bytes) -> None:
    say("handling", body=body.decode())
    _started.set()
    if spec["how"] == "sys.exit in a handler" and body == b"first":
        sys.exit(3)
    if spec["how"] in ("a handler runs", "daemon threads"):
        _held.wait(600)


def pester() -> None:
    """Use the client for as long as there is one."""
    with contextlib.suppress(msgq.MsgqError):
        while True:
            app.queue("other").enqueue(b"x")


def broken_hook() -> None:
    raise RuntimeError("a broken exit hook")


def main() -> None:
    how = spec["how"]
    app.open()
    queue = app.queue(spec["queue"])
    queue.enqueue_many([b"first", b"second"])
    if how == "receipts pending":
        for number in range(2_000):
            queue.enqueue_later(b"%d" % number)
        say("leaving")
        return
    worker = app.worker(concurrency=1)
    worker.start()
    assert _started.wait(20)
    if how == "sys.exit in a handler":
        worker.run_until_idle(20)
    if how == "exception in atexit":
        atexit.register(broken_hook)
    if how == "daemon threads":
        for _ in range(4):
            threading.Thread(target=pester, daemon=True).start()
    if how == "sys.exit":
        sys.exit(7)
    if how == "exception":
        raise RuntimeError("the program fails")
    say("leaving")


if __name__ == "__main__":
    main()
