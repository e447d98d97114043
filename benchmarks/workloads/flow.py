"""In and out at once: threads enqueue blocks while a worker handles every message.

Plan: url, kind (bytes, typed, batch; single: enqueue_later; one: enqueue; priorities: three in
turn; ttl: of an hour; keyed: of `keys` keys in turn), block, bytes, seconds,
producers (threads), window (calls of enqueue_many_later whose receipts may be open; 1 waits for
each), backlog (stored before the worker starts), backlog_max (producers pause when so much more
waits), look_s (seconds between their looks, 0: after every 5,000 messages), worker (false: nobody
handles), processes (0: all in this one; n: one that enqueues and n that handle), profile, settings;
dsn, server_pid, pin, traffic: see server.py. Gives messages per second durably stored (in) and
durably settled (out), read from the store's own counts, and `both`, the smaller of the two (in,
when nobody handles).
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, Protocol

import msgq
from benchmarks.workloads import server
from benchmarks.workloads.common import (
    QUEUE,
    counts,
    finish,
    main,
    memory_mb,
    open_app,
    start,
    wait_until_done,
)

# Producers pause when so much is stored and not settled, so that in and out stay at one rate.
BACKLOG_MAX = 20_000


class Waits(Protocol):
    def wait(self) -> object: ...


Send = Callable[[], Waits]


def bytes_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    @app.handler(queue=QUEUE, name="count")
    def count(body: bytes) -> None:
        pass

    bodies = [b"x" * plan.get("bytes", 200)] * plan.get("block", 1000)
    return lambda: count.enqueue_many_later(bodies)


def typed_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    @app.handler(queue=QUEUE, name="count")
    def count(user: int, name: str, text: str) -> None:
        pass

    # About 200 bytes when encoded.
    arguments = [(4711, "Ada Lovelace", "x" * (plan.get("bytes", 200) - 30))]
    calls = arguments * plan.get("block", 1000)
    return lambda: count.enqueue_many_later(calls)


def batch_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    @app.handler(queue=QUEUE, name="count", batch=msgq.Batch(max_size=1000))
    def count(bodies: list[bytes]) -> None:
        pass

    bodies = [b"x" * plan.get("bytes", 200)] * plan.get("block", 1000)
    return lambda: count.enqueue_many_later(bodies)


def single_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    """One message a call, pipelined: the receipt is dropped."""

    @app.handler(queue=QUEUE, name="count")
    def count(body: bytes) -> None:
        pass

    body = b"x" * plan.get("bytes", 200)

    def send() -> msgq.Receipt:
        enqueue = count.enqueue_later
        for _ in range(99):
            enqueue(body)
        return enqueue(body)

    return send


def one_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    """One message a call, each settled when the call returns."""

    @app.handler(queue=QUEUE, name="count")
    def count(body: bytes) -> None:
        pass

    body = b"x" * plan.get("bytes", 200)
    calls = plan.get("block", 100) - 1

    def send() -> msgq.Receipt:
        enqueue = count.enqueue
        for _ in range(calls):
            enqueue(body)
        return enqueue(body)

    return send


def priorities_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    """Calls of three priorities in turn."""

    @app.handler(queue=QUEUE, name="count")
    def count(body: bytes) -> None:
        pass

    bodies = [b"x" * plan.get("bytes", 200)] * plan.get("block", 1000)
    turn = itertools.cycle([count.using(priority=each) for each in (2, 5, 8)])
    return lambda: next(turn).enqueue_many_later(bodies)


def ttl_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    """Messages that expire, but not soon."""

    @app.handler(queue=QUEUE, name="count")
    def count(body: bytes) -> None:
        pass

    bodies = [b"x" * plan.get("bytes", 200)] * plan.get("block", 1000)
    lasting = count.using(ttl="1h")
    return lambda: lasting.enqueue_many_later(bodies)


def keyed_handler(app: msgq.App, plan: Mapping[str, Any]) -> Send:
    """Messages with keys: each of one of so many, in turn."""

    @app.handler(queue=QUEUE, name="*")
    def count(body: bytes) -> None:
        pass

    queue, block = app.queue(QUEUE), plan.get("block", 1000)
    bodies = [b"x" * plan.get("bytes", 200)] * block
    names = itertools.cycle([f"user-{number}" for number in range(plan["keys"])])
    return lambda: queue.enqueue_many_later(bodies, key=list(itertools.islice(names, block)))


KINDS = {
    "bytes": bytes_handler,
    "typed": typed_handler,
    "batch": batch_handler,
    "single": single_handler,
    "one": one_handler,
    "priorities": priorities_handler,
    "ttl": ttl_handler,
    "keyed": keyed_handler,
}


def left(app: msgq.App) -> int:
    """Messages stored and not yet settled."""
    sent, done = counts(app)
    return sent - done


class Producers(AbstractContextManager["Producers"]):
    """Threads that enqueue for as long as this is entered, each with a few receipts open.

    They pause when the worker falls behind: in and out are to be measured at one rate.
    """

    def __init__(self, app: msgq.App, send: Send, plan: Mapping[str, Any]) -> None:
        self._app = app
        self._send = send
        self._backlog_max = plan.get("backlog", 0) + plan.get("backlog_max", BACKLOG_MAX)
        self._look_s = plan.get("look_s", 0.0)
        self._pauses = plan.get("worker", True)
        self._stride = 1 if self._look_s else max(1, 5_000 // plan.get("block", 1000))
        self._window = plan.get("window", 8)
        self._stop = threading.Event()
        number = plan.get("producers", 1)
        self._threads = [threading.Thread(target=self._run) for _ in range(number)]

    def __enter__(self) -> Producers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        receipts: deque[Waits] = deque()
        looked_s = time.perf_counter()
        while not self._stop.is_set():
            for _ in range(self._stride):
                receipts.append(self._send())
                if len(receipts) >= self._window:
                    receipts.popleft().wait()
            if self._pauses and time.perf_counter() - looked_s >= self._look_s:
                self._let_them_catch_up()
                looked_s = time.perf_counter()
        for receipt in receipts:
            receipt.wait()

    def _let_them_catch_up(self) -> None:
        while left(self._app) > self._backlog_max and not self._stop.is_set():
            time.sleep(max(0.0005, self._look_s / 10))


def fill(app: msgq.App, send: Send, messages: int) -> None:
    """Store a backlog before the clock starts."""
    while counts(app)[0] < messages:
        send().wait()


def rates(app: msgq.App, plan: Mapping[str, Any]) -> dict[str, float]:
    """Watch the store's counts for `seconds`, after half a second of warming up."""
    seconds = plan.get("seconds", 3.0)
    time.sleep(0.5)
    watch = server.Watch(plan)
    start_s = time.perf_counter()
    sent, done = counts(app)
    time.sleep(seconds)
    sent_now, done_now = counts(app)
    took = time.perf_counter() - start_s
    into, out = (sent_now - sent) / took, (done_now - done) / took
    return {
        "in_per_s": into,
        "out_per_s": out,
        "both": min(into, out) if plan.get("worker", True) else into,
        "memory_mb": memory_mb(),
        "left": sent_now - done_now,
        **watch.figures(sent_now - sent),
    }


def in_one_process(plan: Mapping[str, Any]) -> Mapping[str, float]:
    """Everything here: producers, worker, store."""
    with open_app(plan) as app:
        send = KINDS[plan.get("kind", "bytes")](app, plan)
        beside = server.Traffic(app, plan) if plan.get("traffic") else nullcontext()
        fill(app, send, plan.get("backlog", 0))
        with ExitStack() as busy:
            if plan.get("worker", True):
                busy.enter_context(app.worker(concurrency=plan.get("concurrency", 1)))
            if plan.get("pin"):
                busy.enter_context(server.pinned(plan))
            busy.enter_context(beside)
            busy.enter_context(Producers(app, send, plan))
            return rates(app, plan)


def across_processes(plan: Mapping[str, Any]) -> Mapping[str, float]:
    """One process enqueues, others handle, this one looks."""
    with open_app(plan) as app, ExitStack() as children:
        send = KINDS[plan.get("kind", "bytes")](app, plan)
        fill(app, send, max(1, plan.get("backlog", 0)))
        roles = ["produce"] + ["handle"] * plan["processes"]
        started = [start("flow", {**plan, "role": role, "processes": 0}) for role in roles]
        for child in started:
            children.callback(finish, child)
        wait_until_done(app, 10_000)  # until they have started
        return rates(app, plan)


def produce(plan: Mapping[str, Any]) -> Mapping[str, float]:
    """Enqueue until standard input ends."""
    with open_app(plan) as app:
        send = KINDS[plan.get("kind", "bytes")](app, plan)
        with Producers(app, send, plan):
            sys.stdin.read()
    return {}


def handle(plan: Mapping[str, Any]) -> Mapping[str, float]:
    """Handle until standard input ends."""
    with open_app(plan) as app:
        KINDS[plan.get("kind", "bytes")](app, plan)
        with app.worker(concurrency=plan.get("concurrency", 1)):
            sys.stdin.read()
    return {}


def work(plan: Mapping[str, Any]) -> Mapping[str, float]:
    role = {"produce": produce, "handle": handle}.get(plan.get("role", ""))
    if role:
        return role(plan)
    return across_processes(plan) if plan.get("processes") else in_one_process(plan)


if __name__ == "__main__":
    main(work)
