"""Running a worker in the foreground: signals, draining, leaving at once.

Signal handlers are set only on the main thread and put back at the end.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from msgq._lifecycle import logger

if TYPE_CHECKING:
    from msgq.worker import Worker

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_LOOK_SECONDS: Final = 0.1
_SLICE_SECONDS: Final = 0.2


class Signals:
    """Collects SIGTERM and SIGINT while in `with`; does nothing off the main thread."""

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
    """Runs until a signal (or idle, for a burst); gives how many messages were left unfinished."""
    with Signals() as signals:
        worker.start()
        logger().info("worker runs %s", ", ".join(worker.queues))
        ending = threading.Thread(target=_wait_idle, args=(worker,), daemon=True)
        if burst:
            ending.start()
        number = None
        while number is None and not (burst and not ending.is_alive()):
            number = signals.wait(_LOOK_SECONDS if burst else 1.0)
            if worker.failure is not None:
                worker.stop(0.0)
                raise worker.failure
        logger().info("worker drains (%s)", "idle" if number is None else f"signal {number}")
        return _drain(worker, signals)


def _wait_idle(worker: Worker) -> None:
    worker.run_until_idle()


def _drain(worker: Worker, signals: Signals) -> int:
    """Stops the worker in a thread, so that a second signal is seen and leaves at once."""
    stopping = threading.Thread(target=worker.stop, name="msgq-stop", daemon=True)
    stopping.start()
    while stopping.is_alive():
        number = signals.wait(0.02)
        if number is not None:
            logger().warning("second signal: leaving with %d running", worker.running_count)
            worker.app.close(0.2)
            raise SystemExit(128 + number)
    left = worker.running_count
    worker.app.close()
    return left
