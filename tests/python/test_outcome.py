"""Outcomes are values: equal by what they say, raised or returned, refused when senseless."""

from __future__ import annotations

import math
import pickle
from datetime import datetime

import pytest

import msgq
from msgq.outcome import Outcome


def test_outcomes_are_equal_by_value() -> None:
    assert msgq.Ack() == msgq.Ack()
    assert msgq.Retry(5) == msgq.Retry(5)
    assert msgq.Retry(5) != msgq.Retry(6)
    assert msgq.Snooze(5) != msgq.Retry(5)
    assert len({msgq.Reject("a"), msgq.Reject("a"), msgq.Reject("b")}) == 2
    assert repr(msgq.Snooze(5)) == "msgq.Snooze(5)"


@pytest.mark.parametrize(
    "decided", [msgq.Ack(), msgq.Retry("1s"), msgq.Snooze(1), msgq.Reject("x")]
)
def test_outcomes_can_be_raised_and_pickled(decided: Outcome) -> None:
    with pytest.raises(Outcome):
        raise decided
    assert pickle.loads(pickle.dumps(decided)) == decided


@pytest.mark.parametrize("wrong", [-1, math.nan, math.inf, datetime(2040, 1, 1)])  # noqa: DTZ001
def test_senseless_delays_are_refused(wrong: float) -> None:
    with pytest.raises(msgq.ConfigError):
        msgq.Retry(wrong)
    with pytest.raises(msgq.ConfigError):
        msgq.Snooze(wrong)


def test_delays_are_milliseconds_inside() -> None:
    assert msgq.Retry("2s").delay_ms == 2000
    assert msgq.Retry().delay_ms is None
    assert msgq.Snooze(0.5).delay_ms == 500
