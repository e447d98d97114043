"""Which failures come again, when, and when they are given up."""

from __future__ import annotations

from collections import Counter

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import POSTGRES

SECONDS = 20.0
APP_STORES = ("memory://", POSTGRES)
NOW = msgq.RetryPolicy(max_attempts=3, base=0, jitter=0)


def test_a_per_call_override_of_attempts(app: msgq.App) -> None:
    @app.handler(queue="q", retry=NOW)
    def handler(n: int) -> None:
        raise ValueError

    handler.using(retry=1).enqueue(1)
    handler.using(retry=5).enqueue(5)
    run_until_idle(app, timeout=SECONDS)
    assert {each.value()[0]: each.failures for each in app.queue("q").dead()} == {1: 1, 5: 5}


def test_r24_permanent_errors_are_not_retried(app: msgq.App) -> None:
    """R24: validation and other permanent errors die at their first failure."""
    app.exceptions.permanent(LookupError)

    @app.handler(queue="q", name="h", retry=msgq.RetryPolicy(9, base=0, dead_on=ZeroDivisionError))
    def handler(what: str) -> None:
        raise {"key": KeyError(), "zero": ZeroDivisionError(), "bad": msgq.PayloadError(),
               "other": ValueError()}[what]  # fmt: skip

    @app.handler(queue="r", retry=msgq.RetryPolicy(9, base=0, retry_on=KeyError))
    def picky(what: str) -> None:
        raise {"key": KeyError(), "other": ValueError()}[what]

    handler.enqueue_many(["key", "zero", "bad", "other"])
    picky.enqueue_many(["key", "other"])
    run_until_idle(app, timeout=SECONDS)
    failures = {each.value()[0]: each.failures for each in app.queue("q").dead()}
    assert failures.pop("other") == 9
    assert set(failures.values()) <= {0, 1}
    assert {e.value()[0]: e.failures > 1 for e in app.queue("r").dead()} == {
        "key": True, "other": False,
    }  # fmt: skip


def test_throttled_exceptions_wait_without_counting(app: msgq.App) -> None:
    calls: list[int] = []
    app.exceptions.throttled(ConnectionError, delay=lambda _: 0)

    @app.handler(queue="q", retry=msgq.RetryPolicy(2, base=0))
    def handler(n: int) -> None:
        calls.append(n)
        if len(calls) < 6:
            raise ConnectionResetError

    handler.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    assert len(calls) == 6
    assert app.queue("q").dead() == []


def test_a_policy_or_registry_that_raises_does_not_hurt(
    app: msgq.App, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> float:
        raise RuntimeError("broken policy")

    app.exceptions.throttled(ConnectionError, delay=broken)
    policy = msgq.RetryPolicy.custom(broken, max_attempts=2, base=0)
    calls: Counter[str] = Counter()

    @app.handler(queue="q", retry=policy)
    def handler(what: str) -> None:
        calls[what] += 1
        if what == "throttled" and calls[what] < 3:
            raise ConnectionError
        if what == "failing":
            raise ValueError

    handler.enqueue_many(["throttled", "failing"])
    run_until_idle(app, timeout=SECONDS)
    assert calls == {"throttled": 3, "failing": 2}
    assert "broken policy" in caplog.text


def test_max_elapsed_ends_the_retries(app: msgq.App) -> None:
    @app.handler(queue="q", retry=msgq.RetryPolicy(1000, base=0, max_elapsed=0.05))
    def handler(n: int) -> None:
        raise ValueError

    handler.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    assert "failing for longer than 0.05 s" in app.queue("q").dead()[0].reason


def test_unknown_handlers_wait_for_a_worker_that_has_them(make_app: MakeApp) -> None:
    """A rolling deploy: the old worker leaves what it does not know to the new one."""
    old, new = make_app("sqlite:///q.db"), make_app("sqlite:///q.db")
    got: list[int] = []

    @old.handler(queue="q", name="old")
    def old_handler(n: int) -> None:
        got.append(n)

    @new.handler(queue="q", name="new")
    def new_handler(n: int) -> None:
        got.append(n)

    new_handler.enqueue(1)
    with old.worker():
        while not old.stats().traffic_of("q").snoozed:
            pass
        assert got == []
        with new.worker():
            while not new.stats().traffic_of("q").done:
                pass
    assert got == [1]
    assert new.queue("q").dead() == []


def test_unknown_handlers_are_given_up_by_policy(make_app: MakeApp) -> None:
    app = make_app(unknown_handler="dead")

    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    app.open()._opened().enqueue_wait("q", "gone", 1, b"[1]")
    app.queue("q").enqueue(b"plain")
    run_until_idle(app, timeout=SECONDS)
    reasons = sorted(each.reason for each in app.queue("q").dead())
    assert reasons == ["no handler for the queue", "no handler named 'gone' here"]


def test_idle_is_when_nothing_is_due_any_more(app: msgq.App) -> None:
    """Retries without a pause belong to the work; what is due later is left, and comes next."""
    tries: Counter[int] = Counter()

    @app.handler(queue="q", retry=msgq.RetryPolicy(5, base=0, jitter=0))
    def quick(n: int) -> None:
        tries[n] += 1
        if tries[n] < 4:
            raise ValueError

    @app.handler(queue="q", retry=msgq.RetryPolicy(5, base=3_600))
    def slow() -> None:
        tries[-1] += 1
        raise ValueError

    quick.enqueue_many(range(50))
    slow.enqueue()
    run_until_idle(app, timeout=SECONDS)
    assert tries == {**dict.fromkeys(range(50), 4), -1: 1}
    (left,) = app.queue("q").messages()
    assert left.state == "parked"
    app.queue("q").reschedule(left.id, delay=0)
    run_until_idle(app, timeout=SECONDS)
    assert tries[-1] == 2
