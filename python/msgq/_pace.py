"""Keeps a rate: whoever sends says how many, and waits until they are due."""

import time
from collections.abc import Callable


class Pacer:
    """Spreads work evenly over time. `rate` is in messages per second; 0 is as fast as it goes.

    Late work is caught up at once, so the mean is held over pauses of up to a second; what is later
    than that is forgotten. One thread.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / rate if rate > 0 else 0.0
        self._clock = clock
        self._sleep = sleep
        self._due = clock()

    def wait(self, count: int = 1) -> float:
        """Waits until `count` more messages are due. Returns the moment they were due, in seconds
        of the clock: latency counted from it hides no stall (coordinated omission).
        """
        now = self._clock()
        if not self._interval:
            return now
        self._due = max(self._due, now - 1.0)
        due = self._due
        if due > now:
            self._sleep(due - now)
        self._due = due + count * self._interval
        return due
