"""Where subscriptions begin, or go on, as people say it.

Plain functions; any thread.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from msgq.duration import past_ms
from msgq.errors import ConfigError

Start: TypeAlias = str | float | timedelta | datetime | uuid.UUID
_NAMED: Final = ("latest", "earliest")  # as numbered in subscription.h, as are these:
_TIME: Final = 2
_ID: Final = 3


def parse_start(start: Start) -> tuple[int, int, bytes]:
    """Gives it as the core takes it. Raises ConfigError."""
    if isinstance(start, str) and start in _NAMED:
        return _NAMED.index(start), 0, b""
    found = _as_id(start)
    if found is not None:
        return _ID, 0, found.bytes
    try:
        return _TIME, past_ms(start, "start"), b""  # type: ignore[arg-type]
    except ConfigError as error:
        raise ConfigError(
            "a subscription begins at latest, earliest, a message's id, an aware datetime or a "
            f"duration back from now, not {start!r:.60}: {error}"
        ) from None


def _as_id(value: object) -> uuid.UUID | None:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value) if isinstance(value, str) and len(value) >= 32 else None
    except ValueError:
        return None
