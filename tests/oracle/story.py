"""Told histories: events with a hand-turned clock, for testing the oracle itself."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.oracle.event import Event

_MS = 1_000_000


class Story:
    """Builds the lines that recorders would have written, each 1 ms after the one before."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.now_ms = 1_000
        self._seq: dict[str, int] = defaultdict(int)

    def tell(self, client: str, phase: str, op: str, **fields: Any) -> Event:
        """Add one line and let 1 ms pass."""
        event = Event(
            client=client,
            seq=self._seq[client],
            mono_ns=self.now_ms * _MS,
            wall_ms=self.now_ms,
            phase=phase,
            op=op,
            **fields,
        )
        self._seq[client] += 1
        self.now_ms += 1
        self.events.append(event)
        return event

    def send(
        self, message: str, outcome: str = "ok", client: str = "producer", **detail: Any
    ) -> None:
        """Tell a send; outcome "" means that no answer was ever written."""
        call = self.tell(
            client, "call", "send", id=message, checksum=f"sum-{message}", detail=detail
        )
        if outcome:
            self.tell(client, "return", "send", id=message, outcome=outcome, call=call.seq)

    def receive(
        self,
        message: str,
        attempt: int = 1,
        lease: str = "",
        client: str = "worker",
        checksum: str | None = None,
        **detail: Any,
    ) -> None:
        """Tell a delivery; its lease is named after its attempt unless given."""
        self.tell(
            client,
            "note",
            "receive",
            id=message,
            attempt=attempt,
            lease=lease or f"lease-{attempt}",
            checksum=f"sum-{message}" if checksum is None else checksum,
            detail=detail,
        )

    def settle(
        self,
        message: str,
        attempt: int = 1,
        verdict: str = "ack",
        outcome: str = "ok",
        client: str = "worker",
        **detail: Any,
    ) -> None:
        """Tell a settle under the lease of that attempt."""
        lease = f"lease-{attempt}"
        detail["verdict"] = verdict
        call = self.tell(client, "call", "settle", id=message, lease=lease, detail=detail)
        if outcome:
            self.tell(
                client, "return", "settle", id=message, lease=lease, outcome=outcome, call=call.seq
            )

    def whole(self, message: str) -> None:
        """Tell the plain life of a message: sent, delivered, acknowledged."""
        self.send(message)
        self.receive(message)
        self.settle(message)

    def note(self, op: str, message: str = "", **detail: Any) -> None:
        """Tell an observation of the watcher."""
        self.tell("watcher", "note", op, id=message, detail=detail)
