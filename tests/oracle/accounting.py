"""Jepsen's accounting: lost, unexpected, duplicated, recovered; and how many of each are honest."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields

from tests.oracle.history import History


@dataclass(frozen=True, slots=True)
class Accounting:
    """The four numbers, with the ids behind the two that may never be anything but empty."""

    attempted: int
    acknowledged: int
    received: int
    ok: int
    lost: tuple[str, ...]
    unexpected: tuple[str, ...]
    duplicated: int
    recovered: int
    resent: tuple[str, ...] = ()

    def line(self) -> str:
        """Give the four numbers as one line."""
        return (
            f"{len(self.lost)} lost, {len(self.unexpected)} unexpected, "
            f"{self.duplicated} duplicated ({len(self.resent)} from resends), "
            f"{self.recovered} recovered"
        )

    def __add__(self, other: Accounting) -> Accounting:
        """Sum up two runs that share no message."""
        return Accounting(*(getattr(self, each.name) + getattr(other, each.name)
                            for each in fields(self)))  # fmt: skip


NOTHING = Accounting(0, 0, 0, 0, (), (), 0, 0)


def account(history: History) -> Accounting:
    """Count after a full drain.

    A message is received when its processing was observed or it stands among the dead letters. A
    redelivery that somebody asked for (an accepted or unanswered retry or snooze) is no duplicate.
    """
    attempted = Counter(send.id for send in history.sends if send.id)
    acknowledged = {send.id for send in history.sends if send.outcome == "ok"}
    refused = {send.id for send in history.sends if send.outcome in ("failed", "duplicate")}
    doubtful = {send.id for send in history.sends if send.outcome == "unknown"}
    received = Counter(delivery.id for delivery in history.deliveries)
    asked = Counter(
        settle.id
        for settle in history.settles
        if not settle.is_final and settle.outcome in ("ok", "unknown")
    )
    seen = set(received) | set(history.dead)
    never_stored = refused - acknowledged - doubtful
    unexpected = (seen - set(attempted)) | (seen & never_stored)
    return Accounting(
        attempted=attempted.total(),
        acknowledged=len(acknowledged),
        received=received.total(),
        ok=len(set(received) & set(attempted)),
        lost=tuple(sorted(acknowledged - seen - history.removed)),
        unexpected=tuple(sorted(unexpected)),
        duplicated=sum(
            max(0, count - asked[message] - attempted[message])
            for message, count in received.items()
            if message in attempted
        ),
        recovered=len((doubtful - acknowledged) & seen),
        resent=_resent(history, attempted),
    )


def _resent(history: History, attempted: Counter[str]) -> tuple[str, ...]:
    """Messages stored more often than they were sent, where histories tell the store's ids."""
    stored: dict[str, set[str]] = {}
    for delivery in history.deliveries:
        if delivery.stored:
            stored.setdefault(delivery.id, set()).add(delivery.stored)
    return tuple(sorted(each for each, ids in stored.items() if len(ids) > attempted[each] > 0))


def duplicate_bound(
    *,
    consumer_kills: int,
    held: int,
    consumers: int = 0,
    server_kills: int = 0,
    settles_per_s: float = 0.0,
    forget_s: float = 0.0,
) -> int:
    """How many duplicates kills can explain: Kc x P + Ks x (sum of P + A x d).

    `held`: messages one consumer process holds unsettled (prefetch plus the batch being settled).
    `forget_s`: for how long the server may forget an acknowledged settle; 0 when settles are
    synchronous and for an embedded store under SIGKILL, as the page cache survives.
    """
    per_server_kill = consumers * held + math.ceil(settles_per_s * forget_s)
    return consumer_kills * held + server_kills * per_server_kill


def recovered_bound(
    *, producer_kills: int, in_flight: int, producers: int = 0, server_kills: int = 0
) -> int:
    """How many sends of unknown end kills can explain: Kp x W + Ks x (sum of W)."""
    return producer_kills * in_flight + server_kills * producers * in_flight
