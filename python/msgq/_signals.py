"""Running a worker in the foreground: signals, draining, leaving at once.

Signal handlers are set only on the main thread and put back at the end. A worker with a supervisor
leaves at once on SIGQUIT only: a terminal or a service manager sends its SIGINT or SIGTERM to
everybody, and the supervisor's own would be a second one.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from msgq._lifecycle import logger
from msgq.config import take_supervisor

if TYPE_CHECKING:
    from msgq.worker import Worker

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_LOOK_SECONDS: Final = 0.1
_SLICE_SECONDS: Final = 0.2


class Signals:
    """Collects SIGTERM, SIGINT and SIGQUIT while in `with`; does nothing off the main thread."""

    def __init__(self) -> None:
        # a SimpleQueue may be written to from a signal handler, an Event may not
        self._came: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for each in _SIGNALS:
                self._before[each] = signal.signal(each, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._came.put(number)

    def wait(self, seconds: float) -> int | None:
        """Gives the next signal, None when `seconds` are over.

        Waits in slices: a signal that comes just before the main thread goes to sleep does not
        wake it.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            try:
                return self._came.get(timeout=max(0.0, min(left, _SLICE_SECONDS)))
            except queue.Empty:
                if left <= _SLICE_SECONDS:
                    return None


def run_worker(worker: Worker, *, burst: bool = False) -> int:
    """Runs until a signal, idle (for a burst), or without its supervisor; gives what it left."""
    boss = take_supervisor()
    with Signals() as signals:
        worker.start()
        logger().info("worker runs %s", ", ".join(worker.queues))
        ending = threading.Thread(target=_wait_idle, args=(worker,), daemon=True)
        if burst:
            ending.start()
        why = ""
        while not why:
            number = signals.wait(_LOOK_SECONDS if burst else 1.0)
            if worker.failure is not None:
                worker.stop(0.0)
                raise worker.failure
            if number == signal.SIGQUIT:
                _leave(worker, number)
            if number is not None:
                why = f"signal {number}"
            elif boss not in (0, os.getppid()):
                why = "its supervisor is gone"
            elif burst and not ending.is_alive():
                why = "idle"
        logger().info("worker drains (%s)", why)
        return _drain(worker, signals, {signal.SIGQUIT} if boss else set(_SIGNALS))


def _wait_idle(worker: Worker) -> None:
    worker.run_until_idle()


def _drain(worker: Worker, signals: Signals, leave_on: set[signal.Signals]) -> int:
    """Stops the worker in a thread, so that a second signal is seen and leaves at once."""
    stopping = threading.Thread(target=worker.stop, name="msgq-stop", daemon=True)
    stopping.start()
    while stopping.is_alive():
        number = signals.wait(0.02)
        if number in leave_on:
            _leave(worker, number)
    left = worker.running_count
    worker.app.close()
    return left


def _leave(worker: Worker, number: int) -> NoReturn:
    logger().warning("signal %d: leaving at once with %d running", number, worker.running_count)
    worker.app.close(0.2)
    raise SystemExit(128 + number)
