"""Dedup ids: while the store remembers one, no other message of it is taken into the queue.

Plain values; any thread.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgq.duration import Duration, parse_duration
from msgq.errors import ConfigError
from msgq.keys import parse_key

WINDOW_MAX: Final = 366 * 86_400.0
_KINDS: Final = {"until_done": 1, "until_started": 2}
_ANSWERS: Final = ("return", "skip", "raise")

Unique: TypeAlias = Literal["until_done", "until_started"] | Duration
"""How long a dedup id is remembered: with its message, or for a time from its enqueue."""
OnDuplicate: TypeAlias = Literal["return", "skip", "raise"]
"""What enqueue does about a duplicate: gives the earlier message's receipt, or raises."""


class Terms(NamedTuple):
    """What a call says about duplicates, checked. kind: 0 a window, 1 until done, 2 until started.

    `window_ms` is None where the setting dedup_window says it.
    """

    kind: int = 0
    window_ms: int | None = None
    on_duplicate: int = 0

    def encode(self, name: str, window: float) -> bytes:
        """Gives what a message carries; nothing without an id. `window`: of the setting."""
        if not name:
            return b""
        rest = round(window * 1000) if self.window_ms is None else self.window_ms
        out = bytearray((self.kind,))
        while rest >= 0x80:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
        return bytes(out) + name.encode()


def parse_terms(unique: Any, on_duplicate: Any) -> Terms:
    """Gives what unique= and on_duplicate= mean. Raises ConfigError."""
    if on_duplicate is not None and on_duplicate not in _ANSWERS:
        raise ConfigError(
            f"on_duplicate= is one of {', '.join(_ANSWERS)}, got {on_duplicate!r:.40}"
        )
    answer = 0 if on_duplicate is None else _ANSWERS.index(on_duplicate)
    if unique is None:
        return Terms(0, None, answer)
    if isinstance(unique, str) and unique in _KINDS:
        return Terms(_KINDS[unique], 0, answer)
    try:
        seconds = parse_duration(unique, "unique")
    except ConfigError as error:
        raise ConfigError(
            f"unique= is until_done, until_started or a duration, got {unique!r:.40}"
        ) from error
    if not 0.001 <= seconds <= WINDOW_MAX:
        raise ConfigError(f"unique= is from 1 ms to a year (366 d), got {unique!r:.40}")
    return Terms(0, round(seconds * 1000), answer)


def parse_dedup(value: str | None) -> str:
    """Gives the dedup id, "" for none. Raises ConfigError for what is none."""
    found = parse_key(value, "dedup id")
    if "\0" in found:
        raise ConfigError(f"a dedup id has no NUL, {found[:40]!r} has one")
    return found


def id_in(once: bytes) -> str | None:
    """Gives the dedup id that a message carries; None: none."""
    if not once:
        return None
    end = next(at for at in range(1, len(once)) if once[at] < 0x80) + 1
    return once[end:].decode()
