"""YA1 to YA12: what Symphony promises."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.verdicts import waits_for
from tests.support.cli import call
from tests.support.stuck import Stuck

SECONDS = 20.0


def test_ya1_a_valid_message_is_stored(queue: msgq.Queue) -> None:
    """A valid message is stored and an id returned."""
    receipt = queue.enqueue({"order": 7}, headers={"h": 1})
    found = queue.find(receipt.id)
    assert (found.value(), found.headers, found.state) == ({"order": 7}, {"h": 1}, "waiting")
    assert (found.deliveries, found.failures) == (0, 0)


def test_ya2_an_invalid_message_is_refused(app: msgq.App, name: str) -> None:
    """Invalid message or priority refused."""
    queue = app.queue(name)

    @app.handler(queue=name, name=name)
    def handler(n: int) -> None: ...

    wrong: list[Callable[[], object]] = [
        lambda: queue.enqueue(object()), lambda: queue.enqueue(float("nan")),
        lambda: queue.enqueue(b"x", headers={"h": []}), lambda: queue.enqueue_many("text"),
        lambda: handler.enqueue(1, 2),  # type: ignore[call-arg]
        lambda: queue.enqueue(b"x", headers={"msgq-own": 1}),
    ]  # fmt: skip
    for each in wrong:
        with pytest.raises(msgq.PayloadError):
            each()
    for priority in (0, 11, "urgent"):
        with pytest.raises(msgq.ConfigError, match="from 1 to 10"):
            queue.enqueue(b"x", priority=priority)
    assert queue.depth().sent == 0


def test_ya3_an_unknown_transport_is_refused(app: msgq.App) -> None:
    """Unknown transport refused: the known ones are listed, this one among them.

    A kind that nobody knows, and a name that none of the app's transports has.
    """
    with pytest.raises(msgq.ConfigError, match=f"unknown scheme 'pigeon'.*{app.transport}://"):
        msgq.App("pigeon://roof")
    two = msgq.App(urls={"default": str(app.config.url), "fast": "memory://"})
    for ask in (two.at, lambda name: two.queue("q", transport=name)):
        with pytest.raises(msgq.ConfigError, match="default, fast; did you mean 'fast'"):
            ask("fats")
    assert not two.is_open


def test_ya4_a_scheduled_message_is_not_delivered_early(queue: msgq.Queue) -> None:
    """Scheduled message not delivered early: neither to a claim nor after others were handled."""
    later = queue.enqueue(b"later", delay="1h")
    for n in range(5):
        queue.enqueue(b"%d" % n)
        (delivery,) = queue.claim(5, wait=SECONDS)
        assert delivery.body == b"%d" % n
        delivery.ack()
    assert queue.claim(5) == []
    assert [(each.id, each.state) for each in queue.messages()] == [(later.id, "parked")]


def test_ya5_higher_priority_comes_first(queue: msgq.Queue) -> None:
    """Higher priority first."""
    for priority in (5, 1, 10):
        queue.enqueue(priority, priority=priority)
    for priority in (10, 5, 1):
        (delivery,) = queue.claim(wait=SECONDS)
        assert delivery.value() == priority
        delivery.ack()


def test_ya6_the_idempotency_key_is_kept_or_generated(queue: msgq.Queue) -> None:
    """Idempotency key kept or generated: the dedup id is kept; without one each has its own id."""
    first = queue.enqueue(b"x", dedup="key")
    assert queue.find(first.id).dedup == "key"
    assert queue.enqueue(b"x", dedup="key").id == first.id
    plain = [queue.enqueue(b"x") for _ in range(2)]
    assert len({first.id, *(each.id for each in plain)}) == 3


def test_ya7_a_failing_handler_is_retried(app: msgq.App, name: str) -> None:
    """Failing handler retried, then failed table."""
    attempts: list[int] = []

    @app.handler(queue=name, name=name, retry=msgq.RetryPolicy(4, base=0, jitter=0))
    def failing(context: msgq.Context, n: int) -> None:
        attempts.append(context.attempt)
        raise ValueError

    failing.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    assert attempts == [1, 2, 3, 4]
    assert [each.failures for each in app.queue(name).dead()] == [4]


def test_ya8_non_retryable_goes_straight_to_failed(app: msgq.App, name: str) -> None:
    """Non-retryable goes straight to failed: by policy, by registry, by Reject."""
    calls: list[str] = []
    app.exceptions.permanent(LookupError)

    @app.handler(
        queue=name, name=name, retry=msgq.RetryPolicy(9, base=0, dead_on=ZeroDivisionError)
    )
    def handler(what: str) -> msgq.Reject | None:
        calls.append(what)
        if what == "reject":
            return msgq.Reject("no use")
        raise KeyError if what == "registry" else ZeroDivisionError

    handler.enqueue_many(["policy", "registry", "reject"])
    run_until_idle(app, timeout=SECONDS)
    assert sorted(calls) == ["policy", "registry", "reject"]
    assert sorted(each.value()[0] for each in app.queue(name).dead()) == sorted(calls)


def test_ya9_a_worker_stops_at_a_limit() -> None:
    """Worker stops at message or time limit."""
    for limit in ("--max-messages", "--max-time"):
        answer = call("worker", "shop:app", limit, "1")
        assert answer.status == 2
        assert "No such option" in answer.err
    waits_for("worker limits")


def test_ya10_stop_is_idempotent_and_graceful(app: msgq.App, name: str) -> None:
    """Stop is idempotent and graceful: from several threads, twice, and of what never ran."""
    stuck = Stuck(app, name)
    stuck.handler.enqueue(1)
    worker = app.worker().start()
    stuck.wait_started()
    threads = [threading.Thread(target=worker.stop, args=(SECONDS,)) for _ in range(3)]
    for each in threads:
        each.start()
    stuck.release.set()
    for each in threads:
        each.join(SECONDS)
    assert not any(each.is_alive() for each in threads)
    assert worker.stop()
    assert not worker.is_running
    while app.queue(name).depth().leased:  # what was decided is on its way to the store
        pass
    assert app.queue(name).depth().done == 1
    assert app.worker().stop()
    assert app.close(SECONDS)
    assert app.close(SECONDS)


def test_ya11_the_next_cron_time_is_computed(app: msgq.App) -> None:
    """Next cron time computed."""
    assert not hasattr(app, "schedule")
    waits_for("schedules")


def test_ya12_a_disabled_schedule_does_not_fire(app: msgq.App) -> None:
    """Disabled schedule does not fire."""
    assert not hasattr(app, "schedule")
    waits_for("schedules")
