"""Runs what `msgq bench` measures: threads that enqueue, a worker in this process that counts.

One message in each enqueue call carries the time at which it was due to be sent; the worker takes
the end-to-end latency from those, so that counting costs the others next to nothing.
"""

import os
import platform
import struct
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgq
from msgq._pace import Pacer
from msgq.cli.check import flush_seconds
from msgq.cli.histogram import Histogram
from msgq.config import Config
from msgq.errors import MsgqError, WaitTimeoutError

_STAMPED: Final = 1
_STAMP: Final = struct.Struct("<Bq")
STUCK_S: Final = 60.0


@dataclass(frozen=True)
class Plan:
    """What is to be measured. Sizes in bytes, rate in messages a second (0: no limit), seconds."""

    messages: int = 100_000
    size: int = 200
    producers: int = 1
    slots: int = 1
    batch: int = 1000
    rate: float = 0.0
    duration: float | None = None

    @property
    def rate_each(self) -> float:
        """Of one producer."""
        return self.rate / self.producers


class Sink:
    """Counts what the handlers got. Any thread."""

    def __init__(self) -> None:
        self._numbers = count()
        self._lock = threading.Lock()
        self.latency = Histogram()
        self.first_at = 0.0
        self.last_at = 0.0

    def take(self, body: bytes) -> None:
        """Counts one message; remembers the latency of a stamped one."""
        number = next(self._numbers)  # atomic in CPython
        if number == 0:
            self.first_at = time.perf_counter()
        if body[0] == _STAMPED:
            now = time.perf_counter()
            sent = _STAMP.unpack_from(body)[1] / 1e9
            with self._lock:
                self.latency.add(now - sent)
                self.last_at = max(self.last_at, now)

    @property
    def received(self) -> int:
        """How many messages were counted so far."""
        return int(repr(self._numbers)[len("count(") : -1])


class Producer(threading.Thread):
    """Enqueues its share. What it counted may be read once it was joined."""

    def __init__(self, handler: Any, plan: Plan, share: int, stop_at: float | None) -> None:
        super().__init__(name="bench-producer", daemon=True)
        # fixed after construction
        self._handler, self._plan, self._share, self._stop_at = handler, plan, share, stop_at
        # only this thread, until it was joined
        self.latency = Histogram()
        self.sent = 0
        self.ended_at = 0.0
        self.error: MsgqError | None = None

    def run(self) -> None:
        """Enqueues until its share is sent or the time is over."""
        try:
            self._send_all()
        except MsgqError as error:
            self.error = error
        self.ended_at = time.perf_counter()

    def _send_all(self) -> None:
        pacer = Pacer(self._plan.rate_each, clock=time.perf_counter)
        plain = bytes(self._plan.size)
        tail = bytes(self._plan.size - _STAMP.size)
        while (size := self._next_size()) > 0:
            due = pacer.wait(size)
            stamped = _STAMP.pack(_STAMPED, int(due * 1e9)) + tail
            if size == 1:
                self._handler.enqueue(stamped)
            else:
                self._handler.enqueue_many([plain] * (size - 1) + [stamped])
            self.latency.add(time.perf_counter() - due)
            self.sent += size

    def _next_size(self) -> int:
        if self._stop_at is None:
            return min(self._plan.batch, self._share - self.sent)
        return self._plan.batch if time.perf_counter() < self._stop_at else 0


def run(url: str | None, plan: Plan) -> dict[str, Any]:
    """Measures by plan and gives the report. Raises what enqueueing raised. Blocks until done."""
    app = msgq.App(url, concurrency=max(plan.slots, 1))
    name = f"msgq-bench-{uuid.uuid4().hex[:12]}"
    sink = Sink()

    @app.handler(queue=name, name="bench")
    def receive(body: bytes) -> None:
        sink.take(body)

    with app:
        started = time.perf_counter()
        try:
            producers = _measure(app, receive, plan, sink)
        finally:
            app.queue(name).delete()
        settings = app.config
    return _report(plan, producers, sink, started, settings)


def _measure(app: msgq.App, handler: Any, plan: Plan, sink: Sink) -> list[Producer]:
    with ExitStack() as stack:
        if plan.slots:
            stack.enter_context(app.worker())
        producers = _send(handler, plan)
        if plan.slots:
            _wait_for_all(sink, sum(producer.sent for producer in producers))
    return producers


def _send(handler: Any, plan: Plan) -> list[Producer]:
    stop_at = time.perf_counter() + plan.duration if plan.duration is not None else None
    share, rest = divmod(plan.messages, plan.producers)
    producers = [
        Producer(handler, plan, share + (number < rest), stop_at)
        for number in range(plan.producers)
    ]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    for producer in producers:
        if producer.error is not None:
            raise producer.error
    return producers


def _wait_for_all(sink: Sink, count: int) -> None:
    """Waits until so many were handled. Raises WaitTimeoutError when nothing comes any more."""
    seen, since = 0, time.monotonic()
    while (received := sink.received) < count:
        if received != seen:
            seen, since = received, time.monotonic()
        elif time.monotonic() - since > STUCK_S:
            raise WaitTimeoutError(
                f"{received} of {count} messages came, then none for {STUCK_S} s"
            )
        time.sleep(0.002)


def _report(
    plan: Plan, producers: list[Producer], sink: Sink, started: float, settings: Config
) -> dict[str, Any]:
    sent = sum(producer.sent for producer in producers)
    latency = Histogram()
    for producer in producers:
        latency.merge(producer.latency)
    send_seconds = max(producer.ended_at for producer in producers) - started
    report: dict[str, Any] = {
        "url": str(settings.url),
        "plan": asdict(plan),
        "durability": settings["durability"],
        "send": {"messages": sent, **_rate(sent, send_seconds), **latency.summary_ms()},
    }
    if plan.slots:
        receive_seconds = sink.last_at - sink.first_at
        report["receive"] = {"messages": sent, **_rate(sent, receive_seconds)}
        whole = _rate(sent, sink.last_at - started)
        report["e2e"] = {"messages": sent, **whole, **sink.latency.summary_ms()}
    report["machine"] = _machine(settings)
    return report


def _rate(count: int, seconds: float) -> dict[str, float]:
    return {"seconds": round(seconds, 6), "rate": round(count / max(seconds, 1e-9), 1)}


def _machine(settings: Config) -> dict[str, Any]:
    on_disk = settings.url.scheme == "sqlite"
    flush = flush_seconds(Path(settings.url.path).parent) if on_disk else 0.0
    return {
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "msgq": msgq.__version__,
        "flush_ms": round(flush * 1e3, 4),
    }
