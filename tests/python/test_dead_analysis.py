"""What dead letters have in common, counted."""

from __future__ import annotations

import pytest

import msgq
from msgq import dead_analysis
from msgq.dead_analysis import alike
from tests.support.letters import bury, fail
from tests.support.stores import behind_pooler


@behind_pooler
def test_counts_and_groups(any_app: msgq.App) -> None:
    failed = fail(
        any_app,
        [ConnectionError(f"cannot reach host {n}") for n in range(4)] + [ValueError("odd")],
    )
    bury(any_app.queue("plain"), [1, 2], reason="no")
    found = any_app.dead_letters().analyze()
    assert found.count == 7
    assert (found.mean_attempts, found.share) == (1.0, 1.0)
    assert found.by_error == {"ConnectionError": 4, "(no exception)": 2, "ValueError": 1}
    assert found.by_handler == {"shop.fails": 5, "(no handler)": 2}
    assert found.by_queue == {"fails": 5, "plain": 2}
    assert sum(found.by_hour.values()) == 7
    (group,) = found.groups
    assert (group.count, group.queue, group.handler) == (4, "fails", "shop.fails")
    assert "ConnectionError: cannot reach host *" in group.reason
    assert group.example == failed[0]
    assert group.first_at is not None
    assert group.last_at is not None
    assert group.first_at <= group.last_at


def test_of_those_that_fit(any_app: msgq.App) -> None:
    fail(any_app, [ValueError("odd"), KeyError("x")])
    found = any_app.dead_letters(error="KeyError").analyze()
    assert found.by_error == {"KeyError": 1}
    assert found.groups == []


def test_of_none(any_app: msgq.App) -> None:
    found = any_app.dead_letters().analyze()
    assert (found.count, found.mean_attempts, found.first_at, found.groups) == (0, 0.0, None, [])


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_analysis, "KINDS_MAX", 3)
    with msgq.connect("memory://", profile="test") as client:
        for name in "abcde":
            bury(client.queue(name), [1], reason=f"reason {name}")
        found = client.dead_letters().analyze()
    assert found.by_queue == {"(others)": 2, "a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize(
    ("reason", "shape"),
    [
        ("failed 3 of 5 times", "failed * of * times"),
        ("no file '/tmp/a'", "no file *"),
        ("0198c0de-0000-7000-8000-000000000000 is gone", "* is gone"),
        ("at 0xdeadBEEF, 1.5 s", "at *, * s"),
    ],
)
def test_what_varies_is_left_out(reason: str, shape: str) -> None:
    assert alike(reason) == shape
