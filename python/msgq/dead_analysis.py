"""What dead letters have in common: counts by error, handler, queue and hour, and groups alike.

Pure; any thread. Memory is bounded: of a kind of name at most KINDS_MAX are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

from msgq.message import Message

KINDS_MAX: Final = 10_000
GROUP_LEAST: Final = 3
OTHERS: Final = "(others)"
"""Stands for all names beyond the first KINDS_MAX."""
NO_ERROR: Final = "(no exception)"
NO_HANDLER: Final = "(no handler)"
_VARYING: Final = re.compile(
    r"'[^']*'|\"[^\"]*\"|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\b0x[0-9a-fA-F]+\b|\d+(?:\.\d+)?"
)


@dataclass
class DeadGroup:
    """Dead letters of one queue, handler and error class whose reasons differ in details only."""

    queue: str
    handler: str
    error: str
    reason: str
    """With `*` for numbers, ids and what is quoted."""
    count: int
    first_at: datetime | None
    last_at: datetime | None
    example: str
    """Id of the first of them."""


@dataclass
class DeadAnalysis:
    """Counts, each a dict with the greatest first; hours are UTC and in their order."""

    count: int = 0
    mean_attempts: float = 0.0
    """How often they were handed out."""
    share: float = 0.0
    """Of all that ended in these queues, done or dead, what part these are; 0 to 1."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    by_error: dict[str, int] = field(default_factory=dict)
    by_handler: dict[str, int] = field(default_factory=dict)
    by_queue: dict[str, int] = field(default_factory=dict)
    by_hour: dict[str, int] = field(default_factory=dict)
    groups: list[DeadGroup] = field(default_factory=list)
    """Of three or more, the greatest first."""


def analyze(letters: Iterable[Message], ended: int = 0) -> DeadAnalysis:
    """Reads the letters once; `ended` is how many messages are done or dead in all."""
    found = DeadAnalysis()
    groups: dict[Key, DeadGroup] = {}
    attempts = 0
    for letter in letters:
        found.count += 1
        attempts += letter.deliveries
        error, handler = letter.error or NO_ERROR, letter.handler or NO_HANDLER
        _tally(found.by_error, error)
        _tally(found.by_handler, handler)
        _tally(found.by_queue, letter.queue)
        _tally(found.by_hour, _hour(letter.changed_at))
        found.first_at, found.last_at = _span(found, letter.changed_at)
        _group(groups, letter, (letter.queue, handler, error, alike(letter.reason)))
    found.mean_attempts = attempts / found.count if found.count else 0.0
    found.share = min(1.0, found.count / ended) if ended else 0.0
    for name in ("by_error", "by_handler", "by_queue"):
        setattr(found, name, _greatest_first(getattr(found, name)))
    found.by_hour = dict(sorted(found.by_hour.items()))
    great = (each for each in groups.values() if each.count >= GROUP_LEAST)
    found.groups = sorted(great, key=lambda each: -each.count)
    return found


def alike(reason: str) -> str:
    """Gives a reason without what varies: numbers, ids, quoted text."""
    return _VARYING.sub("*", reason)


def _tally(counts: dict[str, int], name: str) -> None:
    key = name if name in counts or len(counts) < KINDS_MAX else OTHERS
    counts[key] = counts.get(key, 0) + 1


def _greatest_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _hour(moment: datetime | None) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:00Z") if moment else "(unknown)"


Moments = tuple[datetime | None, datetime | None]
Key = tuple[str, str, str, str]


def _span(known: DeadAnalysis | DeadGroup, moment: datetime | None) -> Moments:
    """Gives first and last of what is known and `moment`."""
    known_ones = [each for each in (known.first_at, known.last_at, moment) if each is not None]
    return (min(known_ones), max(known_ones)) if known_ones else (None, None)


def _group(groups: dict[Key, DeadGroup], letter: Message, key: Key) -> None:
    group = groups.get(key)
    if group is None:
        if len(groups) < KINDS_MAX:
            moment = letter.changed_at
            queue, handler, error, reason = key
            groups[key] = DeadGroup(
                queue, handler, error, reason, 1, moment, moment, str(letter.id)
            )
        return
    group.count += 1
    group.first_at, group.last_at = _span(group, letter.changed_at)
