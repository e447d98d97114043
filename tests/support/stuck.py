"""A handler that holds its message until a test lets it go."""

from __future__ import annotations

import threading

import msgq


class Stuck:
    """Declares a handler of ints on `queue`: it says that it started, then waits for release."""

    def __init__(self, app: msgq.App, queue: str = "q", seconds: float = 20.0) -> None:
        self.started = threading.Event()
        self.release = threading.Event()
        self._seconds = seconds

        @app.handler(queue=queue)
        def handler(n: int) -> None:
            self.started.set()
            assert self.release.wait(seconds)

        self.handler = handler

    def wait_started(self) -> None:
        """Waits until a message is in its hands."""
        assert self.started.wait(self._seconds)
