"""From what a handler did to what the core settles."""

from __future__ import annotations

from typing import Any, cast

import pytest

import msgq
from msgq._core import Lot
from msgq._decide import ACK, REJECT, RETRY, SNOOZE, Judge, unknown
from msgq.duration import now_ms
from msgq.outcome import Outcome
from msgq.retry import ExceptionRegistry


class FakeLot:
    """One message with the counts a test gives it."""

    def __init__(self, failures: int = 0, headers: bytes = b"", age_ms: int = 0) -> None:
        self._fields = (b"", "h", 1, headers, b"", 1, failures, 0, b"", now_ms() - age_ms, 1)

    def fields(self, index: int) -> Any:
        return self._fields


def lot(**said: Any) -> Lot:
    return cast("Lot", FakeLot(**said))


def judge(**policy: Any) -> Judge:
    return Judge(msgq.RetryPolicy(**{"jitter": 0, **policy}), ExceptionRegistry())


@pytest.mark.parametrize(
    ("outcome", "verdict", "delay"),
    [(msgq.Ack(), ACK, 0), (msgq.Retry("5s"), RETRY, 5000), (msgq.Snooze(2), SNOOZE, 2000),
     (msgq.Reject("why"), REJECT, 0), (msgq.Retry(), RETRY, 1000)],
)  # fmt: skip
def test_outcomes(outcome: Outcome, verdict: int, delay: int) -> None:
    index, got, millis, reason, record = judge().on_outcome(lot(), 7, outcome)
    assert (index, got, millis) == (7, verdict, delay)
    assert reason == ("why" if verdict == REJECT else "")
    assert bool(record) == (verdict in (RETRY, REJECT))


@pytest.mark.parametrize("failures", range(5))
def test_failures_back_off_and_end(failures: int) -> None:
    _, verdict, delay, reason, _ = judge(max_attempts=4).on_error(
        lot(failures=failures), 0, ValueError("x")
    )
    if failures < 3:
        assert (verdict, delay, reason) == (RETRY, 1000 * 2**failures, "")
    else:
        assert verdict == REJECT
        assert reason == f"failed {failures + 1} of 4 times; last: ValueError: x"


def test_a_retry_that_is_returned_counts_as_well() -> None:
    assert judge(max_attempts=2).on_outcome(lot(failures=1), 0, msgq.Retry(0))[1] == REJECT


@pytest.mark.parametrize(
    ("headers", "most"),
    [(b'{"msgq-max-attempts":2}', 2), (b'{"msgq-max-attempts":0}', 5), (b"", 5),
     (b'{"msgq-max-attempts":"x"}', 5), (b'{"other":"msgq-max-attempts"}', 5)],
)  # fmt: skip
def test_attempts_of_a_single_call(headers: bytes, most: int) -> None:
    verdicts = [
        judge().on_error(lot(failures=n, headers=headers), 0, ValueError())[1] for n in range(5)
    ]
    assert verdicts == [RETRY] * (most - 1) + [REJECT] * (6 - most)


def test_long_reasons_are_cut_to_one_line() -> None:
    reason = judge().on_outcome(lot(), 0, msgq.Reject("a\nb " * 1000))[3]
    assert len(reason) == 300
    assert "\n" not in reason


def test_unknown_handlers() -> None:
    assert unknown(lot(), 3, "wait", 60.0)[:3] == (3, SNOOZE, 1000)
    assert unknown(lot(age_ms=20_000), 3, "wait", 60.0)[2] == pytest.approx(10_000, abs=100)
    assert unknown(lot(age_ms=10**9), 3, "wait", 60.0)[2] == 60_000
    assert unknown(lot(), 3, "dead", 60.0)[1] == REJECT
