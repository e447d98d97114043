"""What a handler or a batch answers, and what becomes of each message."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.support.stores import POSTGRES, behind_pooler

SECONDS = 20.0
APP_STORES = ("memory://", POSTGRES)
NOW = msgq.RetryPolicy(max_attempts=3, base=0, jitter=0)


def test_outcomes_are_returned_or_raised(app: msgq.App) -> None:
    seen: Counter[str] = Counter()

    @app.handler(queue="q", retry=NOW)
    def handler(what: str, raised: bool) -> object:
        seen[what] += 1
        outcome = {
            "ack": msgq.Ack(),
            "retry": msgq.Retry(0) if seen[what] % 2 else None,
            "snooze": msgq.Snooze(0) if seen[what] < 8 else None,
            "reject": msgq.Reject("not wanted"),
            "value": "any value is fine",
        }[what]
        if raised and isinstance(outcome, BaseException):
            raise outcome
        return outcome

    for what in ("ack", "retry", "snooze", "reject", "value"):
        handler.enqueue(what, True)
        handler.enqueue(what, False)
    run_until_idle(app, timeout=SECONDS)
    assert seen["ack"] == seen["value"] == seen["reject"] == 2
    assert seen["retry"] >= 3
    assert seen["snooze"] >= 8  # more than max_attempts: snoozing counts no failure
    assert [each.reason for each in app.queue("q").dead()] == ["not wanted"] * 2


def test_an_answer_that_cannot_be_asked_for_its_class_fails_its_message_only(
    app: msgq.App,
) -> None:
    class Shy:
        @property  # type: ignore[misc]
        def __class__(self) -> type:
            raise OSError("no class today")

    @app.handler(queue="q", retry=msgq.RetryPolicy(max_attempts=1))
    def handler(n: int) -> object:
        return Shy() if n == 1 else None

    handler.enqueue_many([0, 1, 2])
    run_until_idle(app, timeout=SECONDS)
    (dead,) = app.queue("q").dead()
    assert dead.value() == [1]
    assert "OSError: no class today" in dead.reason
    assert app.stats().traffic_of("q").done == 2


@behind_pooler
def test_r12_a_batch_with_a_bad_item_reports_that_item_only(any_app: msgq.App) -> None:
    """R12: the bad one is retried and dies; its neighbours run once."""
    seen: Counter[int] = Counter()

    @any_app.handler(queue="q", batch=msgq.Batch(100), retry=NOW)
    def handler(numbers: list[int]) -> None:
        seen.update(numbers)
        bad = {index: ValueError(str(n)) for index, n in enumerate(numbers) if n == 13}
        if bad:
            raise msgq.BatchError(bad)

    handler.enqueue_many(list(range(50)))
    run_until_idle(any_app, timeout=SECONDS)
    assert seen == {**dict.fromkeys(range(50), 1), 13: 3}
    (dead,) = any_app.queue("q").dead()
    assert dead.value() == 13


def test_a_batch_answers_for_each(app: msgq.App) -> None:
    seen: Counter[int] = Counter()

    @app.handler(queue="q", batch=msgq.Batch(100), retry=NOW)
    def handler(numbers: list[int]) -> list[object]:
        seen.update(numbers)
        answers = {0: None, 1: msgq.Ack(), 2: msgq.Reject("two"), 3: ValueError("three")}
        return [answers[n] for n in numbers]

    handler.enqueue_many([0, 1, 2, 3])
    run_until_idle(app, timeout=SECONDS)
    assert seen == {0: 1, 1: 1, 2: 1, 3: 3}
    assert sorted(each.value() for each in app.queue("q").dead()) == [2, 3]


def test_a_batch_that_answers_wrongly_fails_as_a_whole(app: msgq.App) -> None:
    @app.handler(queue="q", batch=msgq.Batch(100), retry=NOW)
    def short(numbers: list[int]) -> list[object]:
        return []

    @app.handler(queue="r", batch=msgq.Batch(100), retry=NOW)
    def wild(numbers: list[int]) -> None:
        raise msgq.BatchError({99: ValueError()})

    short.enqueue_many([1, 2])
    wild.enqueue_many([1, 2])
    run_until_idle(app, timeout=SECONDS)
    assert "0 answers for" in app.queue("q").dead()[0].reason
    assert "BatchError names [99]" in app.queue("r").dead()[0].reason


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_body_that_does_not_decode_is_a_dead_letter_with_its_bytes(
    any_app: msgq.App, kind: str
) -> None:
    ran: list[int] = []

    def one(n: int) -> None:
        ran.append(n)

    def batch(numbers: list[int]) -> None:
        ran.extend(numbers)

    async def aone(n: int) -> None:
        ran.append(n)

    async def abatch(numbers: list[int]) -> None:
        ran.extend(numbers)

    declare: Any = any_app.handler
    declare(queue="q", name="h")(one if kind == "sync" else aone)
    declare(queue="q", name="b", batch=msgq.Batch(10))(batch if kind == "sync" else abatch)
    engine = any_app.open()._opened()
    wrong = [b"\xff\x00", b'["x"]', b"[" * 100_000]
    for name in ("h", "b"):
        for body in (*wrong, b"1" if name == "b" else b"[1]"):
            engine.enqueue_wait("q", name, 1, body)
    run_until_idle(any_app, timeout=SECONDS)
    assert ran == [1, 1]
    dead = any_app.queue("q").dead()
    assert sorted((each.handler, each.body) for each in dead) == sorted(
        (name, body) for name in ("h", "b") for body in wrong
    )
    assert all("does not fit handler" in each.reason for each in dead)
    assert all(each.failures <= 1 for each in dead)
