"""Criteria are checked when they are said, and mean what they say."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import msgq
from msgq import duration
from msgq._dead_filter import DeadFilter, is_class
from msgq.dead import make_filter
from msgq.message import Message

DIED = datetime(2030, 1, 31, 12, tzinfo=timezone.utc)


def letter(**changes: Any) -> Message:
    said = {"queue": "q", "type": "shop.send", "headers": b'{"tenant":"Ada"}', "body": b"\xffBody",
            "history": b'[{"error":"a.B","text":"first"},{"error":"shop.Odd","text":"last"}]',
            "reason": "failed", **changes}  # fmt: skip
    died_ms = int(DIED.timestamp() * 1000)
    return Message(
        (said["queue"], "dead", bytes(16), said["type"], 0, said["headers"], said["body"], 2, 2, 0,
         said["history"], 1, 0, said["reason"], died_ms, "c", 5, 0, "", b"")
    )  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        {}, {"handler": "shop.send"}, {"error": "Odd"}, {"error": "shop.Odd"},
        {"reason": "FAIL"}, {"text": "body"}, {"text": "tenant"}, {"text": "first"},
        {"since": DIED}, {"until": DIED}, {"since": "2030-01-31T12:00Z"},
        {"until": "2030-01-31 13:00+01:00"}, {"handler": "shop.send", "error": "Odd"},
    ],
)  # fmt: skip
def test_what_fits(said: dict[str, Any]) -> None:
    assert DeadFilter(**said).fits(letter())


@pytest.mark.parametrize(
    "said",
    [
        {"handler": "shop"}, {"error": "B"}, {"error": "dd"}, {"reason": "done"},
        {"text": "elsewhere"}, {"since": DIED + timedelta(milliseconds=1)},
        {"until": DIED - timedelta(milliseconds=1)}, {"handler": "shop.send", "error": "B"},
    ],
)  # fmt: skip
def test_what_does_not_fit(said: dict[str, Any]) -> None:
    assert not DeadFilter(**said).fits(letter())


def test_a_duration_is_so_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    now = DIED + timedelta(hours=2)
    monkeypatch.setattr(duration, "now_ms", lambda: int(now.timestamp() * 1000))
    assert DeadFilter(since="2h").fits(letter())
    assert not DeadFilter(since="119m").fits(letter())
    assert DeadFilter(until=timedelta(hours=2)).fits(letter())
    assert not DeadFilter(until=7201).fits(letter())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"since": "yesterday"}, "since 'yesterday' is not a duration"),
        ({"since": -1}, "since must not be negative"),
        ({"until": DIED.replace(tzinfo=None)}, "no time zone"),
        ({"until": "2030-01-31T12:00"}, "no time zone"),
        ({"until": "2030-13-01T00:00Z"}, "no date and time"),
        ({"since": "1h", "until": "2h"}, "later than until"),
        ({"limit": 0}, "limit"), ({"limit": True}, "limit"), ({"limit": 1.5}, "limit"),
        ({"text": ""}, "text of a dead letter must be text"),
        ({"error": ValueError}, "error of a dead letter must"),
        ({"after": 3}, "cursor"), ({"errors": "x"}, "did you mean error="),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(msgq.ConfigError, match=told):
        make_filter("q", said)


def test_the_queues_name_is_checked() -> None:
    with pytest.raises(msgq.ConfigError):
        make_filter("", {})


def test_classes_are_known_by_the_end_of_their_names() -> None:
    assert is_class("shop.errors.Odd", "errors.Odd")
    assert not is_class("shop.errors.Odd", "rrors.Odd")
    assert not is_class("", "Odd")
