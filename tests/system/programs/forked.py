"""Forks at an awkward moment, and tells what parent and child can do. Orders: when, settings.

when: import (before anything is open), open, threads (a worker runs), claimed (messages in hand).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import msgq
from tests.system.programs.common import heard, say, spec


def attempt(what: str, call: Callable[[], object], who: str) -> None:
    """Do one thing and tell what came of it."""
    try:
        result = call()
    except BaseException as error:
        say("tried", who=who, what=what, outcome=type(error).__name__)
    else:
        say("tried", who=who, what=what, outcome="ok", result=repr(result))


def inherited(client: msgq.Client, found: list[msgq.Delivery]) -> None:
    """What a child tries with what it inherited, then with a client of its own."""
    queue = client.queue(spec["queue"])
    attempt("enqueue", lambda: queue.enqueue(b"child"), "child")
    attempt("claim", lambda: queue.claim(1), "child")
    attempt("stats", client.stats, "child")
    for each in found:
        attempt("ack", each.ack, "child")
    attempt("close", client.close, "child")
    attempt("open it again", msgq.connect, "child")
    with msgq.connect(spec["other"]) as own:
        attempt("open another", lambda: own.queue(spec["queue"]).enqueue(b"own"), "child")


def main() -> None:
    when = spec["when"]
    app = msgq.App()
    handled = threading.Event()

    @app.handler(queue="busy", name="*")
    def handle(body: bytes) -> None:
        handled.set()

    found: list[msgq.Delivery] = []
    if when != "import":
        app.open()
    if when == "threads":
        app.worker().start()
    if when == "claimed":
        app.queue(spec["queue"]).enqueue_many([b"held"])
        found = app.queue(spec["queue"]).claim(1, lease=600)
        say("holds", count=len(found))
    child = os.fork()
    if child == 0:
        if when == "import":
            attempt("enqueue", lambda: app.queue(spec["queue"]).enqueue(b"child"), "child")
            app.close()
        else:
            inherited(app, found)
        if spec.get("lingers"):
            say("child", child=os.getpid())
            heard(600)
        os._exit(0)
    if spec.get("lingers"):
        heard(600)
    os.waitpid(child, 0)
    attempt("enqueue", lambda: app.queue(spec["queue"]).enqueue(b"parent"), "parent")
    if when == "threads":
        app.queue("busy").enqueue(b"x")
        say("tried", who="parent", what="handle", outcome="ok" if handled.wait(20) else "nothing")
    for each in found:
        attempt("ack", each.ack, "parent")
    app.close()
    say("closed")


if __name__ == "__main__":
    main()
