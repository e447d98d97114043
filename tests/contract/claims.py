"""Claims more than one message: a claim may give fewer than it asks for, so it is asked again."""

from __future__ import annotations

import msgq

SECONDS = 20.0


def take(queue: msgq.Queue, count: int, lease: str | None = None) -> list[msgq.Delivery]:
    """Gives so many deliveries, in the order they were claimed in."""
    found: list[msgq.Delivery] = []
    while len(found) < count:
        more = queue.claim(count - len(found), wait=SECONDS, lease=lease)
        assert more, f"only {len(found)} of {count} messages came"
        found += more
    return found


def take_rest(queue: msgq.Queue) -> list[msgq.Delivery]:
    """Gives all that waits."""
    found: list[msgq.Delivery] = []
    while left := queue.depth().waiting:
        found += queue.claim(left, wait=SECONDS)
    return found
