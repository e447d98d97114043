"""Percentiles of the histogram against a sorted list."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgq.cli.histogram import Histogram

SECONDS = st.floats(min_value=1e-6, max_value=1e3, allow_nan=False)


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentile_is_within_a_bucket_of_the_truth(values: list[float], percent: int) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    truth = sorted(values)[math.ceil(len(values) * percent / 100) - 1]
    assert histogram.percentile(percent) == pytest.approx(truth, rel=0.031)
    assert histogram.percentile(100) <= max(values)


@given(st.lists(SECONDS, max_size=50), st.lists(SECONDS, max_size=50))
def test_merging_is_adding(left: list[float], right: list[float]) -> None:
    one, two, both = Histogram(), Histogram(), Histogram()
    for value in left:
        one.add(value)
        both.add(value)
    for value in right:
        two.add(value)
        both.add(value)
    one.merge(two)
    assert one.count == both.count
    assert one.percentile(50) == both.percentile(50)
    assert one.highest == both.highest


def test_empty_says_zero() -> None:
    assert Histogram().summary_ms() == dict.fromkeys(
        ["mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"], 0.0
    )


def test_times_count_as_many() -> None:
    histogram = Histogram()
    histogram.add(0.001, times=99)
    histogram.add(1.0)
    assert histogram.percentile(99) == pytest.approx(0.001, rel=0.03)
    assert histogram.percentile(100) == 1.0
