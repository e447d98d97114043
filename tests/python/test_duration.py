"""Durations and sizes as people write them; what makes no sense is refused."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgq
from msgq import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600), ("250ms", 0.25), ("1h30m", 5400), ("2d", 172800), ("1.5s", 1.5), ("7", 7),
        (" 30S ", 30), (timedelta(minutes=2), 120), (0, 0), (0.5, 0.5), ("5us", 5e-6),
    ],
)  # fmt: skip
def test_durations_are_read(text: Any, seconds: float) -> None:
    assert duration.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "wrong",
    ["10 parsecs", "", "m", "10m5", "-3s", -1, -0.1, math.nan, math.inf, -math.inf, "nan", "inf",
     timedelta(seconds=-1), True, None, [], "1e400", 1e12],
)  # fmt: skip
def test_senseless_durations_are_refused(wrong: Any) -> None:
    with pytest.raises(msgq.ConfigError, match="lease"):
        duration.parse_duration(wrong, "lease")


@given(st.integers(0, 10**12))
def test_durations_written_are_read_again(millis: int) -> None:
    text = duration.format_duration(millis / 1000)
    assert duration.parse_duration(text) == pytest.approx(millis / 1000)


@pytest.mark.parametrize(
    ("text", "count"),
    [("64MiB", 64 << 20), ("1kB", 1000), ("10", 10), ("1.5 GiB", 3 << 29), (17, 17), ("2k", 2048)],
)
def test_sizes_are_read(text: Any, count: int) -> None:
    assert duration.parse_size(text) == count


@pytest.mark.parametrize("wrong", ["64 fathoms", "", "MiB", -1, "-1", True, 1.5, None])
def test_senseless_sizes_are_refused(wrong: Any) -> None:
    with pytest.raises(msgq.ConfigError, match="bound"):
        duration.parse_size(wrong, "bound")


@given(st.integers(0, 2**45))
def test_sizes_written_are_read_again(count: int) -> None:
    assert duration.parse_size(duration.format_size(count)) == count


def test_due_times() -> None:
    now = duration.now_ms()
    assert duration.due_ms(None) == 0
    assert duration.due_ms(0) == 0
    assert now + 59_000 < duration.due_ms("1m") <= duration.now_ms() + 60_000
    at = datetime(2040, 1, 1, tzinfo=timezone.utc)
    assert duration.due_ms(at) == int(at.timestamp() * 1000)
    assert duration.delay_ms(datetime(2000, 1, 1, tzinfo=timezone.utc)) == 0
    assert duration.delay_ms(2) == 2000


def test_a_datetime_without_a_zone_is_refused() -> None:
    with pytest.raises(msgq.ConfigError, match="no time zone"):
        duration.due_ms(datetime(2040, 1, 1))  # noqa: DTZ001


def test_text_that_is_neither_duration_nor_time_is_told_both_forms() -> None:
    with pytest.raises(msgq.ConfigError, match=r"not a duration; .*; .* is an aware datetime"):
        duration.due_ms("2040-01-01T00:00Z")
    with pytest.raises(msgq.ConfigError, match=r"not a duration; .*; .* is 2030-01-31T12:00Z"):
        duration.past_ms("yesterday", "since")


def test_past_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2040, 1, 31, 12, tzinfo=timezone.utc)
    millis = int(at.timestamp() * 1000)
    monkeypatch.setattr(duration, "now_ms", lambda: millis)
    assert duration.past_ms("1h") == millis - 3_600_000
    assert duration.past_ms(0) == millis
    assert duration.past_ms("36500d") == 0  # before there was a clock
    for text in ("2040-01-31T12:00Z", " 2040-01-31 13:00:00+01:00", "2040-01-31T12:00:00.000z"):
        assert duration.past_ms(text) == millis
    assert duration.past_ms(at) == millis


@pytest.mark.parametrize("wrong", ["2040-01-31", "2040-01-31T12:00", "2040-99-01T00:00Z", -1, ""])
def test_senseless_moments_are_refused(wrong: Any) -> None:
    with pytest.raises(msgq.ConfigError, match="since"):
        duration.past_ms(wrong, "since")
