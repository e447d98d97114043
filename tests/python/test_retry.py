"""When a failed message runs again, and what exception classes mean."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgq
from msgq.retry import ExceptionRegistry, RetryPolicy


def plain(policy: RetryPolicy, count: int) -> list[float]:
    """The delays of the first failures, jitter in its middle."""
    return [policy.delay(failure, lambda: 0.5) for failure in range(1, count + 1)]


def test_the_default_is_the_designs() -> None:
    policy = RetryPolicy()
    assert policy.max_attempts == 5
    assert plain(policy, 10) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert policy.delay(1, lambda: 0.0) == pytest.approx(0.8)
    assert policy.delay(1, lambda: 0.999999) == pytest.approx(1.2, abs=1e-4)


def test_kinds() -> None:
    assert plain(RetryPolicy.fixed("3s"), 3) == [3, 3, 3]
    assert plain(RetryPolicy.linear(2, cap=5), 4) == [2, 4, 5, 5]
    assert plain(RetryPolicy.exponential(1, 3, cap="1h"), 4) == [1, 3, 9, 27]
    assert plain(RetryPolicy.custom(lambda n: n * n), 4) == [1, 4, 9, 16]
    assert RetryPolicy.none().max_attempts == 1


@given(st.integers(1, 10**6), st.floats(1, 1000), st.floats(0, 1), st.floats(0, 0.999))
def test_a_delay_is_never_beyond_cap_and_jitter(
    failure: int, factor: float, jitter: float, chance: float
) -> None:
    policy = RetryPolicy(factor=factor, jitter=jitter, cap=60)
    assert 0 <= policy.delay(failure, lambda: chance) <= 60 * (1 + jitter) + 1e-6
    full = RetryPolicy(factor=factor, jitter="full", cap=60)
    assert 0 <= full.delay(failure, lambda: chance) <= 60


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0}, {"max_attempts": 1.5}, {"max_attempts": True}, {"factor": 0.5},
        {"jitter": 2}, {"jitter": "half"}, {"base": -1}, {"cap": "soon"}, {"kind": "odd"},
        {"kind": "custom"}, {"retry_on": "ValueError"}, {"dead_on": (ValueError, 3)},
        {"max_elapsed": float("nan")}, {"custom_delay": lambda n: n},
    ],
)  # fmt: skip
def test_senseless_policies_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgq.ConfigError):
        RetryPolicy(**wrong)


def test_a_policy_is_a_value() -> None:
    policy = RetryPolicy(3, dead_on=KeyError)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(policy) == hash(RetryPolicy(3, dead_on=KeyError))
    assert policy != RetryPolicy(4)
    assert "max_attempts=3" in repr(policy)
    with pytest.raises(AttributeError, match="immutable"):
        policy.max_attempts = 9


def test_the_nearest_class_tells_what_an_exception_means() -> None:
    registry = ExceptionRegistry()
    registry.permanent(LookupError)
    registry.transient(KeyError)
    registry.throttled(ConnectionError, delay="30s")
    assert registry.classify(IndexError())[0] == "permanent"
    assert registry.classify(KeyError())[0] == "transient"
    assert registry.classify(ConnectionResetError()) == ("throttled", 30.0)
    assert registry.classify(OSError())[0] == "transient"
    assert registry.classify(msgq.PayloadError())[0] == "permanent"
    with pytest.raises(msgq.ConfigError):
        registry.permanent("ValueError")  # type: ignore[arg-type]
    with pytest.raises(msgq.ConfigError):
        registry.throttled(OSError, delay=-1)
