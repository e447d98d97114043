"""Worker: handler threads and one event loop thread that take lots, run them and settle them.

start and stop may come from any thread. Handler threads are daemons: interpreter exit closes the
engine first, which ends them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgq._decide import Judge
from msgq._held import room_of
from msgq._lifecycle import logger
from msgq._run import (
    BatchRunner,
    EachRunner,
    HandlerRunner,
    Runner,
    UnknownRunner,
    guard,
    with_acks,
)
from msgq._slot import Slot
from msgq.duration import Duration, parse_duration
from msgq.errors import ClosedError, ConfigError, MsgqError, WaitTimeoutError
from msgq.handler import ANY_NAME, Handler
from msgq.stats import Meter
from msgq.subscription_start import parse_start

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from msgq import _core
    from msgq._loop import LoopThread
    from msgq.app import App

_TAKE_SECONDS: Final = 0.1  # the core looks for signals as often; idle threads cost no more
_WATCH_SECONDS: Final = 0.5
_IDLE_SECONDS: Final = 0.02
_LOOK_AGAIN_SECONDS: Final = 0.005


class Served(NamedTuple):
    """A handler, and one of the places where it takes messages."""

    handler: Handler[..., Any]
    queue: str
    transport: str

    def subscribe(self, engine: _core.Engine) -> None:
        """Makes the subscription that it is served through, where it is not there yet."""
        settings = self.handler.settings
        if settings.subscription is not None:
            queue = self.queue[: -len(settings.subscription) - 1]
            engine.subscribe(queue, settings.subscription, *parse_start(settings.start))


class Worker:
    """Runs handlers inside this process. A context manager; see App.worker."""

    def __init__(
        self,
        app: App,
        served: Sequence[Served],
        concurrency: int | None = None,
        *,
        grace: Duration | None = None,
    ) -> None:
        client = app.at(served[0].transport)  # the one transport of all
        config = client.config
        # fixed after construction
        self.app = app
        self.client = client
        self.served = served
        self.handlers = list(dict.fromkeys(each.handler for each in served))
        self.queues = sorted({each.queue for each in served})
        self.concurrency: int = config["concurrency"] if concurrency is None else concurrency
        if type(self.concurrency) is not int or not 1 <= self.concurrency <= 10_000:
            raise ConfigError(f"concurrency must be from 1 to 10,000, got {self.concurrency!r}")
        known = config["grace"]
        self.grace: float = known if grace is None else parse_duration(grace, "grace")
        # guarded by _lock
        self._lock = threading.Lock()
        self._state = "new"
        self._threads: dict[threading.Thread, Slot] = {}
        # fixed after start
        self._runners: list[Runner] = []
        self._core_worker: _core.Worker | None = None
        self._loop: LoopThread | None = None
        self._engine: _core.Engine | None = None
        self._is_over = threading.Event()
        self._meter = Meter()
        self._has_parked = False  # as the last look at idleness saw it
        self._watcher: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Worker({', '.join(self.queues)}; {self._state})"

    @property
    def is_running(self) -> bool:
        """True from start to stop."""
        return self._state == "running"

    def start(self) -> Self:
        """Opens the store if need be and begins to handle messages. Raises as opening does."""
        with self._lock:
            if self._state != "new":
                raise ClosedError("a worker starts once; make another one")
            self._state = "running"
        engine = self._engine = self.client._opened()
        for each in self.served:
            each.subscribe(engine)
        channels = self._open_channels(engine)
        config = self.client.config
        sync_slots = self.concurrency if any(not each[5] for each in channels) else 0
        self._core_worker = engine.open_worker(
            channels, config["queue_order"], config["queue_weights"], max(1, sync_slots)
        )
        self.app._workers.append(self)
        if any(each[5] for each in channels):
            self._start_loop(engine)
        for _ in range(sync_slots):
            self._start_thread()
        self._watcher = threading.Thread(target=self._watch, name="msgq-watch", daemon=True)
        self._watcher.start()
        return self

    def _open_channels(self, engine: _core.Engine) -> list[tuple[str, str, int, int, float, bool]]:
        """Makes a runner for each channel, in the same order; one more for unknown handlers."""
        config = self.client.config
        channels = []
        for each in self.served:
            channels.append(_channel(each, config["async_concurrency"]))
            self._runners.append(self._runner(engine, each.handler))
        with_rest = {each.queue for each in self.served if each.handler.name == ANY_NAME}
        for queue in self.queues:
            if queue not in with_rest:
                channels.append((queue, ANY_NAME, 0, 0, 0.0, False))
                policy, most = config["unknown_handler"], config["unknown_delay_max"]
                self._runners.append(UnknownRunner(engine, queue, policy, most))
        return channels

    def _runner(self, engine: _core.Engine, handler: Handler[..., Any]) -> Runner:
        from msgq.app import policy_of

        settings, config = handler.settings, self.client.config
        policy, detail = settings.retry or policy_of(config), config["attempt_detail"]
        judge = Judge(policy, self.app.exceptions, detail)
        timeout = settings.timeout
        timeout = config["handler_timeout"] if timeout is None else timeout
        kind = BatchRunner if settings.batch else EachRunner
        plan, acks = handler._plan, self.client._acks()
        holds = config["hold_sends"] if settings.hold_sends is None else settings.hold_sends
        return kind(
            engine, handler.name, handler.function, plan, judge, timeout, acks=acks, holds=holds,
            room=room_of(config),
        )  # fmt: skip

    def _start_loop(self, engine: _core.Engine) -> None:
        from msgq._loop import LoopThread

        assert self._core_worker is not None
        self._loop = LoopThread(engine, self._core_worker, self._runners)
        self._loop.start()

    def _start_thread(self) -> None:
        """Starts one handler thread, unless the worker was stopped: then nobody would end it."""
        slot = Slot()
        number = len(self._threads) + 1
        thread = threading.Thread(
            target=self._serve, args=(slot,), name=f"msgq-handler-{number}", daemon=True
        )
        with self._lock:
            if self._state == "running":
                thread.start()
                self._threads[thread] = slot

    def _serve(self, slot: Slot) -> None:
        """One handler thread: take, run, settle, until the worker stops or the slot is lost."""
        engine, runners = self._engine, self._runners
        assert engine is not None
        take, worker = engine.take, self._core_worker
        assert worker is not None
        while not slot.halt:
            try:
                lot = take(worker, _TAKE_SECONDS)
            except ClosedError:
                break
            except MsgqError:
                logger().exception("taking work failed; this handler thread ends")
                break
            if lot is not None:
                guard(runners[lot.channel], lot, slot, engine)
        with self._lock:
            self._threads.pop(threading.current_thread(), None)

    # --- watching ---

    def _watch(self) -> None:
        """Fails what takes too long, and hands the core's log to Python's."""
        timeouts = [each.timeout for each in self._runners if each.timeout]
        pause = min([_WATCH_SECONDS, *(each / 5 for each in timeouts)])
        while not self._is_over.wait(max(0.002, pause)):
            try:
                self.client._tell_log()
            except MsgqError:
                continue
            for each in self._runners:
                each.look()
            if timeouts:
                with self._lock:
                    slots = list(self._threads.items())
                for thread, slot in slots:
                    self._look_at(thread, slot)

    def _look_at(self, thread: threading.Thread, slot: Slot) -> None:
        runner = slot.runner
        if slot.lot is None or runner is None or not runner.timeout:
            return
        seen, now = (slot.serial, slot.place()), time.monotonic()
        if seen != slot.seen:
            slot.seen, slot.seen_at = seen, now
        elif now - slot.seen_at > runner.timeout:
            self._replace(thread, slot)

    def _replace(self, thread: threading.Thread, slot: Slot) -> None:
        """Counts the message a thread is stuck at as failed, and puts a new thread in its place."""
        taken = slot.take_over()
        if taken is None:
            return
        lot, runner, index, decisions, sends = taken
        error = WaitTimeoutError(f"handler {runner.name!r} took over {runner.timeout:g} s")
        logger().warning("%s; its thread %s is replaced", error, thread.name)
        with self._lock:
            self._threads.pop(thread, None)
        engine = self._engine
        assert engine is not None
        done = with_acks(decisions, index) + runner.expired(lot, index, error)
        if isinstance(runner, HandlerRunner) and sends is not None:
            done = runner.decided(lot, range(len(lot)), done)
            runner.settle_named(lot, done, sends)
        else:
            engine.settle_some(lot, done)
        engine.give_back(lot)
        self._start_thread()

    # --- stopping ---

    def stop(self, grace: Duration | None = None) -> bool:
        """Takes no more, waits up to `grace` for running handlers, gives unstarted work back.

        True when every handler finished. Safe twice and from any thread.
        """
        seconds = self.grace if grace is None else parse_duration(grace, "grace")
        threads = self._halt()
        return self._join(threads, time.monotonic() + seconds)

    def _halt(self) -> list[threading.Thread] | None:
        """Takes no more; gives the threads that may still run a handler, None: stopped before."""
        with self._lock:
            was_running = self._state == "running"
            self._state = "stopped"
            slots = list(self._threads.items())
        if not was_running or self._core_worker is None or self._engine is None:
            return None
        for _, slot in slots:
            slot.halt.append("stopping")
        self._engine.stop_worker(self._core_worker)
        return [thread for thread, _ in slots]

    def _join(self, threads: list[threading.Thread] | None, deadline: float) -> bool:
        """Waits until the monotonic `deadline` for them; says whether every handler finished."""
        if threads is None:
            return True
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        is_clean = not any(thread.is_alive() for thread in threads)
        if self._loop is not None:
            is_clean &= self._loop.stop(max(0.0, deadline - time.monotonic()))
        for each in self._runners:
            each.drain(deadline)
        self._is_over.set()
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join(_WATCH_SECONDS)
        if self in self.app._workers:
            self.app._workers.remove(self)
        if not is_clean:
            logger().warning("%d handlers still ran after the grace time", self.running_count)
        return is_clean

    @property
    def failure(self) -> BaseException | None:
        """Why the store was given up, so that this worker runs nothing any more; None: all well."""
        return None if self._engine is None else self._engine.failure()

    @property
    def running_count(self) -> int:
        """How many handler calls are running now (a batch counts once)."""
        with self._lock:
            slots = list(self._threads.values())
        in_threads = sum(each.lot is not None for each in slots)
        return in_threads + (self._loop.running_count if self._loop else 0)

    def run_until_idle(self, timeout: Duration | None = None) -> None:
        """Waits until nothing of its queues waits, is leased, or is parked and due.

        What waits in a queue that is paused does not count.

        What is due later does not count: delayed messages, retries after a pause, and what comes
        behind these of their keys. Raises WaitTimeoutError after `timeout`.
        """
        seconds = None if timeout is None else parse_duration(timeout, "timeout")
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._is_idle():
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeoutError(f"{', '.join(self.queues)} not idle within {seconds:g} s")
            if self._is_over.wait(_IDLE_SECONDS):
                return

    def _is_idle(self) -> bool:
        first = self._pulse()
        if first is None or not self._has_parked:
            return first is not None
        # what was parked just now may be due: the core knows after its exchange
        return not self._is_over.wait(_LOOK_AGAIN_SECONDS) and first == self._pulse()

    def _pulse(self) -> int | None:
        """Gives how many messages its queues were ever sent, None while there is something to do.

        Not of a replica, which may be behind; with a meter of its own, as looking here must not
        reset the rates somebody else reads.
        """
        engine = self.client._opened()
        has_due = engine.has_due()
        stats = self._meter.read(engine.stats(True, True))
        depths = [stats.depth_of(queue) for queue in self.queues]
        self._has_parked = any(each.parked for each in depths)
        has_work = any(each.leased or (each.waiting and not each.is_paused) for each in depths)
        is_busy = has_work or any(stats.traffic_of(queue).in_flight for queue in self.queues)
        is_busy |= self._has_parked and (has_due or engine.has_due())
        return None if is_busy else sum(each.sent for each in depths)

    def __enter__(self) -> Self:
        return self.start() if self._state == "new" else self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def choose(app: App, queues: Iterable[str] | None) -> list[Served]:
    """Gives what a worker is to serve. Raises ConfigError: no handlers, none for a queue named."""
    if not app.handlers:
        raise ConfigError("this app has no handlers; declare some with @app.handler()")
    handlers = list(dict.fromkeys(app.handlers.values()))
    all_served = [
        Served(each, queue, transport)
        for each in handlers
        for queue, transport in each.settings.places(app)
    ]
    if queues is None:
        return all_served
    wanted = [queues] if isinstance(queues, str) else list(queues)
    known = {each.queue for each in all_served}
    missing = [each for each in wanted if each not in known]
    if missing:
        raise ConfigError(
            f"no handler for queue {', '.join(map(repr, missing))}; "
            f"there are handlers for {', '.join(sorted(map(repr, known)))}"
        )
    # in the order asked for, which is the order of queue_order=strict
    return [each for queue in wanted for each in all_served if each.queue == queue]


def _channel(served: Served, async_most: int) -> tuple[str, str, int, int, float, bool]:
    settings = served.handler.settings
    size, wait = (settings.batch.max_size, settings.batch.max_wait) if settings.batch else (0, 0.0)
    most = settings.concurrency or (async_most if settings.is_async else 0)
    return (served.queue, settings.name, most, size, wait, settings.is_async)
