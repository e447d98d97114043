"""The real thing under comparison: clients on one store, and queues of each run's own in it.

One thread.
"""

from __future__ import annotations

import itertools
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
        self.clients: list[msgq.Client] = []
        self.runs = 0
        self.steps = 0
        self._numbers = itertools.count()
        self._prefix = ""
        for _ in range(2 if self.is_shared else 1):
            self.clients.append(self._connect())

    def begin(self) -> None:
        """A run begins: its queues are new."""
        self.runs += 1
        self._prefix = f"run{next(self._numbers)}/"

    def queue(self, client: int, name: str) -> msgq.Queue:
        """The queue of that name in this run; numbers of clients go round."""
        return self.client(client).queue(self._prefix + name)

    def client(self, number: int) -> msgq.Client:
        """One of them."""
        return self.clients[number % len(self.clients)]

    def reopen(self, number: int) -> None:
        """Closes one in good order and opens another in its place."""
        at = number % len(self.clients)
        assert self.clients[at].close()
        self.clients[at] = self._connect()

    def depths(self, number: int) -> dict[str, msgq.stats.QueueDepth]:
        """What the store holds of this run's queues, by their names here."""
        client = self.client(number)
        if not self.is_shared:
            enqueued(client)  # a message in memory is seen a moment after it is stored
        return {
            each.queue.removeprefix(self._prefix): each
            for each in client.stats().depth
            if each.queue.startswith(self._prefix)
        }

    def close(self) -> None:
        """Ends all clients."""
        for client in self.clients:
            client.close()

    def _connect(self) -> msgq.Client:
        return msgq.connect(self.url, **SETTINGS)
