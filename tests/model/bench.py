"""The real thing under comparison: clients on one store, which is empty when a run begins.

One thread.
"""

from __future__ import annotations

from typing import Any

import msgq
from msgq.testing import enqueued

SETTINGS: dict[str, Any] = {"profile": "test", "batch_count_max": 3}  # blocks small enough to cut
LEASE_S = 3_600.0  # none runs out meanwhile


class Bench:
    """Two clients on a store that may be shared, else one. They live from run to run."""

    def __init__(self, url: str) -> None:
        # fixed after construction
        self.url = url
        self.is_shared = not url.startswith("memory")
        # what is open, and what was done
        self.clients: list[msgq.App] = []
        self.runs = 0
        self.steps = 0
        for _ in range(2 if self.is_shared else 1):
            self.clients.append(self._connect())

    def client(self, number: int) -> msgq.App:
        """One of them; numbers go round."""
        return self.clients[number % len(self.clients)]

    def reopen(self, number: int) -> None:
        """Closes one in good order once another is open in its place."""
        at = number % len(self.clients)
        was, self.clients[at] = self.clients[at], self._connect()
        assert was.close(), "something was left behind"

    def depths(self, number: int) -> dict[str, msgq.stats.QueueDepth]:
        """What the store holds, by the names of queues."""
        client = self.client(number)
        if not self.is_shared:
            enqueued(client)  # a message in memory is seen a moment after it is stored
        return {each.queue: each for each in client.stats().depth}

    def close(self) -> None:
        """Ends all clients."""
        for client in self.clients:
            client.close()

    def _connect(self) -> msgq.App:
        return msgq.App(self.url, **SETTINGS).open()
