"""Priorities as people write them: 1, served last, to 10, or low, normal, high, critical.

Pure functions; safe from any thread.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgq.errors import ConfigError

Priority: TypeAlias = int | str
"""From 1 to 10, or one of NAMES."""
NAMES: Final = {"low": 2, "normal": 5, "high": 8, "critical": 10}
LEAST: Final = 1
NORMAL: Final = 5
MOST: Final = 10


def parse_priority(value: Priority | None) -> int:
    """Gives the number; None is normal. Raises ConfigError for what is no priority."""
    if value is None:
        return NORMAL
    if isinstance(value, str) and value.strip().lower() in NAMES:
        return NAMES[value.strip().lower()]
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and LEAST <= value <= MOST:
        return value
    raise ConfigError(
        f"priority must be from {LEAST} to {MOST}, or one of {', '.join(NAMES)}, got {value!r}"
    )
