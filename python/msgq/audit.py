"""Counts every message of a store and holds that against its figures: is any lost, or there twice?

Any thread. Reads page by page, in bounded memory; takes as long as reading everything does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgq.client import Client
    from msgq.queue import Queue
    from msgq.stats import QueueDepth

_PAGE = 500
_TRIES = 3


@dataclass(frozen=True)
class QueueAudit:
    """What was counted of one queue, beside its figures.

    live: messages found waiting, parked or leased. dead: dead letters found. is_quiet: nothing
    happened while they were counted; otherwise the rest says nothing.
    """

    queue: str
    figures: QueueDepth
    live: int
    dead: int
    is_quiet: bool

    @property
    def ended(self) -> int:
        """Messages that the store no longer holds, by its figures."""
        f = self.figures
        return f.done + f.expired + f.cancelled + f.purged + f.quarantined

    @property
    def is_conserved(self) -> bool:
        """Whether every message that was sent is counted, once."""
        f = self.figures
        return (
            self.live == f.waiting + f.parked + f.leased
            and self.dead == f.dead
            and f.sent == self.live + self.dead + self.ended
        )


def audit(client: Client) -> list[QueueAudit]:
    """Counts every queue, again where something seems amiss, three times at most."""
    return [_audit_queue(each) for each in client._own_queues()]


def _audit_queue(queue: Queue) -> QueueAudit:
    for _ in range(_TRIES):
        before = queue.depth()
        live = sum(1 for _ in queue.messages(page=_PAGE))
        dead = _count_dead(queue)
        after = queue.depth()
        found = QueueAudit(queue.name, after, live, dead, _shape(before) == _shape(after))
        if found.is_quiet and found.is_conserved:
            break  # else something may have moved from where it was not yet counted
    return found


def _count_dead(queue: Queue) -> int:
    count, after = 0, ""
    while page := queue.dead(_PAGE, after=after):
        count += len(page)
        after = page[-1].cursor
    return count


def _shape(depth: QueueDepth) -> tuple[int, ...]:
    """What must not change meanwhile; a parked message that comes due does not count."""
    live = depth.waiting + depth.parked
    return depth.sent, live, depth.leased, depth.done, depth.dead, depth.expired, depth.cancelled
