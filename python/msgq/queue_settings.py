"""What is set of one queue: stored with it, the same for all processes, seen by all within 1 s.

Plain values; any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from msgq.duration import Duration, parse_duration
from msgq.errors import ConfigError

MAX_LENGTH_MAX: Final = 10**12
OVERFLOWS: Final = ("block", "raise", "drop_newest", "drop_oldest")  # as numbered in config.h


@dataclass(frozen=True)
class QueueSettings:
    """What is set of one queue.

    max_length: so many messages wait, are parked or leased at most; None: any number. overflow:
    what becomes of more: block (for up to overflow_wait seconds, then QueueFullError), raise
    (QueueFullError at once), drop_newest (the receipt says dropped), drop_oldest (those that wait
    longest make room, and are counted as purged). topic: what is sent goes to the queue's
    subscriptions alone, and nothing waits in the queue itself. retention: for so many seconds
    subscriptions can go back to a message that all have read.
    """

    is_paused: bool = False
    max_length: int | None = None
    overflow: str = "block"
    overflow_wait: float = 30.0
    topic: bool = False
    retention: float = 0.0


class Changes(TypedDict, total=False):
    """What `Queue.alter()` takes."""

    max_length: int | None
    overflow: str
    overflow_wait: Duration
    topic: bool
    retention: Duration


def settings_from(raw: Mapping[str, int]) -> QueueSettings:
    """Gives the core's figures as settings."""
    return QueueSettings(
        is_paused=bool(raw["is_paused"]),
        max_length=raw["max_length"] or None,
        overflow=OVERFLOWS[raw["overflow"]],
        overflow_wait=raw["overflow_wait_ms"] / 1000,
        topic=bool(raw["is_topic"]),
        retention=raw["retention_ms"] / 1000,
    )


def parse_changes(changes: Mapping[str, Any]) -> dict[str, int]:
    """Gives changes as the core takes them. Raises ConfigError naming what is wrong."""
    out = {}
    for name, value in changes.items():
        if name not in Changes.__annotations__:
            known = ", ".join(Changes.__annotations__)
            raise ConfigError(f"a queue has no setting {name!r}; there are: {known}")
        if name == "max_length":
            out[name] = _max_length(value)
        elif name == "overflow":
            if value not in OVERFLOWS:
                raise ConfigError(f"overflow is one of {', '.join(OVERFLOWS)}, not {value!r}")
            out[name] = OVERFLOWS.index(value)
        elif name == "topic":
            if not isinstance(value, bool):
                raise ConfigError(f"topic is True or False, not {value!r:.60}")
            out["is_topic"] = value
        elif name == "retention":
            out["retention_ms"] = round(parse_duration(value, "retention") * 1000)
        else:
            out["overflow_wait_ms"] = round(parse_duration(value, "overflow_wait") * 1000)
    return out


def _max_length(value: Any) -> int:
    if value is None:
        return 0
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not 1 <= value <= MAX_LENGTH_MAX:
        raise ConfigError(
            f"max_length is a number of messages from 1 to {MAX_LENGTH_MAX}, or None for any "
            f"number; got {value!r:.60}"
        )
    return int(value)
