"""Durations and sizes as people write them: "10m", 1.5, timedelta, "64MiB"; refused when senseless.

Pure functions; safe from any thread.
"""

from __future__ import annotations

import math
import re
import time
from datetime import datetime, timedelta, timezone
from typing import Final, TypeAlias

from msgq.errors import ConfigError

Duration: TypeAlias = float | int | str | timedelta
"""Seconds as a number, a timedelta, or text such as "250ms", "30s", "1h30m"."""
When: TypeAlias = float | int | str | timedelta | datetime
"""A Duration from now, or an aware datetime."""
Past: TypeAlias = float | int | str | timedelta | datetime
"""A Duration ago, an aware datetime, or one as ISO 8601 text such as "2030-01-31T12:00Z"."""

SECONDS_MAX: Final = 366.0 * 86_400 * 100
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES: Final = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 2**10, "m": 2**20, "g": 2**30, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")
_DATE: Final = re.compile(r"\d{4}-\d")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")


def parse_duration(value: Duration, what: str = "duration") -> float:
    """Gives seconds. Raises ConfigError for what is negative, not finite or over 100 years."""
    if isinstance(value, str):
        seconds = _parse_text(value, what)
    elif isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ConfigError(f"{what} must be seconds, a timedelta or text like '10m', got {value!r}")
    if not math.isfinite(seconds):
        raise ConfigError(f"{what} must be a finite number of seconds, not {seconds}")
    if seconds < 0:
        raise ConfigError(f"{what} must not be negative, got {value!r}")
    if seconds > SECONDS_MAX:
        raise ConfigError(f"{what} must be at most 100 years, got {value!r}")
    return seconds


def _parse_text(text: str, what: str) -> float:
    compact = text.strip().lower()
    try:
        return float(compact)
    except ValueError:
        pass
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ConfigError(
            f"{what} {text!r} is not a duration; write a number with one of "
            f"{', '.join(_UNITS)}, such as '250ms', '30s' or '1h30m'"
        )
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def parse_size(value: int | str, what: str = "size") -> int:
    """Gives bytes. Raises ConfigError for negative sizes and unknown units."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ConfigError(f"{what} must be bytes or text such as '64MiB', not {value!r}")
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None or match[2].lower() not in _SIZES:
            raise ConfigError(
                f"{what} {value!r} is not a size; write a number with one of B, kB, MB, GB, "
                "KiB, MiB, GiB, such as '64MiB'"
            )
        return int(float(match[1]) * _SIZES[match[2].lower()])
    if value < 0:
        raise ConfigError(f"{what} must not be negative, got {value}")
    return value


def due_ms(delay: When | None, what: str = "delay") -> int:
    """Gives the Unix milliseconds at which a message is due; 0 means now.

    Raises ConfigError for what parse_duration refuses and for datetimes without a time zone.
    """
    if delay is None:
        return 0
    if isinstance(delay, datetime):
        if delay.tzinfo is None or delay.utcoffset() is None:
            raise ConfigError(
                f"{what} {delay!r} has no time zone; pass an aware datetime, "
                "such as datetime.now(timezone.utc) + timedelta(minutes=10)"
            )
        return max(0, int(delay.timestamp() * 1000))
    seconds = _or_time(delay, what)
    return 0 if seconds == 0 else now_ms() + math.ceil(seconds * 1000)


def expires_ms(ttl: When | None, delay: When | None) -> int:
    """Gives the Unix milliseconds from which on a message is not run; 0 means never.

    Raises ConfigError for what due_ms refuses, and for what would be over before it is due.
    """
    if ttl is None:
        return 0
    ends, due = due_ms(ttl, "ttl"), due_ms(delay)
    if ends <= max(due, now_ms()):
        raise ConfigError(
            f"ttl={ttl!r} is over before the message is due (delay={delay!r}): it would never be "
            "run; give a longer ttl, or none"
        )
    return ends


def delay_ms(delay: When) -> int:
    """Gives milliseconds from now; 0 for a datetime that has passed. Errors as due_ms."""
    if isinstance(delay, datetime):
        return max(0, due_ms(delay) - now_ms())
    return math.ceil(parse_duration(delay, "delay") * 1000)


def past_ms(moment: Past, what: str = "moment") -> int:
    """Gives the Unix milliseconds of a moment that has passed.

    Raises ConfigError for what parse_duration refuses and for datetimes without a time zone.
    """
    if isinstance(moment, str) and _DATE.match(moment.strip()):
        moment = _parse_date(moment, what)
    if not isinstance(moment, datetime):
        return max(0, now_ms() - math.ceil(_or_time(moment, what) * 1000))
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ConfigError(
            f"{what} {moment.isoformat()} has no time zone; write one behind it, such as Z or "
            "+02:00, or pass an aware datetime"
        )
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)


def _parse_date(text: str, what: str) -> datetime:
    compact = text.strip()
    try:
        return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", compact))
    except ValueError:
        raise ConfigError(
            f"{what} {text!r:.60} is no date and time; write one such as 2030-01-31T12:00:00Z, "
            "or how long ago, such as '30d'"
        ) from None


def _or_time(value: Duration, what: str) -> float:
    """As parse_duration, of what may be a point in time as well: the error says so."""
    try:
        return parse_duration(value, what)
    except ConfigError as error:
        if not isinstance(value, str):
            raise
        form = "2030-01-31T12:00Z" if what in ("since", "until") else "an aware datetime"
        raise ConfigError(f"{error}; a point in time is {form}") from None


HELD_MS: Final = 253_370_764_800_000
"""When messages are due that are held: the year 9999, which never comes."""
_HELD_SLACK_MS: Final = 30 * 86_400_000  # how much the clocks of a store and its clients may differ


def is_held_until(due: int) -> bool:
    """Whether that is the due time, Unix ms, of a message that is held."""
    return abs(due - HELD_MS) < _HELD_SLACK_MS


def now_ms() -> int:
    """Gives Unix milliseconds: the one place where Python reads the wall clock."""
    return time.time_ns() // 1_000_000


def format_duration(seconds: float) -> str:
    """Writes seconds the way parse_duration reads them, in the largest unit that is exact."""
    millis = round(seconds * 1000, 6)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if millis and millis % size == 0:
            return f"{int(millis // size)}{unit}"
    return f"{millis:.15g}ms" if millis else "0s"


def format_size(count: int) -> str:
    """Writes bytes the way parse_size reads them, in the largest binary unit that is exact."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}B"
