"""ttl=, and parked messages that are called off or get another time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import msgq
import msgq.testing
from msgq import duration
from tests.support.stores import behind_pooler

HOUR = timedelta(hours=1)


def soon(milliseconds: int) -> datetime:
    return datetime.now(timezone.utc) + timedelta(milliseconds=milliseconds)


def wait_until(moment: datetime) -> None:
    """Spins: the store's clock cannot be moved from here."""
    while datetime.now(timezone.utc) <= moment + timedelta(milliseconds=2):
        pass


@behind_pooler
def test_a_message_whose_time_is_over_is_not_handed_out_but_counted(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    over = soon(300)
    queue.enqueue("over", ttl=over)
    queue.enqueue("lasts", ttl="1h")
    queue.enqueue("for ever")
    wait_until(over)
    found = queue.claim(10, wait=10)
    assert [each.value() for each in found] == ["lasts", "for ever"]
    assert found[0].expires_at is not None
    assert found[1].expires_at is None
    for each in found:
        each.ack()
    assert queue.claim(wait=0.05) == []
    depth = queue.depth()
    assert (depth.expired, depth.done, depth.waiting, depth.leased) == (1, 2, 0, 0)
    assert any_app.stats().traffic[0].expired == 1


def test_a_handler_never_sees_it(any_app: msgq.App) -> None:
    seen: list[str] = []

    @any_app.handler(queue="q")
    def note(text: str) -> None:
        seen.append(text)

    over = soon(200)
    note.using(ttl=over).enqueue("over")
    note.using(ttl="1h").enqueue("lasts")
    wait_until(over)
    msgq.testing.run_until_idle(any_app)
    assert seen == ["lasts"]
    assert any_app.queue("q").depth().expired == 1


@behind_pooler
def test_it_becomes_a_dead_letter_if_so_set(store_url: str, make_app: Any) -> None:
    app = make_app(store_url, expired="dead")
    queue = app.queue("q")
    over = soon(200)
    queue.enqueue("over", ttl=over)
    wait_until(over)
    queue.claim(wait=0.2)
    letter = queue.dead()[0]
    assert (letter.reason, letter.value(), letter.deliveries) == ("expired", "over", 0)
    assert queue.depth().expired == 0
    queue.redrive()
    assert queue.claim(wait=10)[0].value() == "over", "a redrive would be in vain otherwise"


def test_it_expires_while_it_is_parked(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    assert queue.depth().sent == 0  # the store is made, which takes a while, before time counts
    over = soon(300)
    queue.enqueue("x", ttl=over)
    queue.claim()[0].retry(0.3)
    wait_until(over)
    assert queue.claim(wait=1) == []
    assert queue.depth().expired == 1


@pytest.mark.parametrize(
    ("ttl", "delay"),
    [("5s", "5s"), ("5s", "1h"), (0, None), (datetime(2020, 1, 1, tzinfo=timezone.utc), None),
     ("1h", datetime(2100, 1, 1, tzinfo=timezone.utc))],
)  # fmt: skip
def test_what_would_never_be_run_is_refused(any_app: msgq.App, ttl: Any, delay: Any) -> None:
    with pytest.raises(msgq.ConfigError, match="it would never be run"):
        any_app.queue("q").enqueue(b"x", ttl=ttl, delay=delay)
    assert any_app.queue("q").depth().sent == 0


@pytest.mark.parametrize("ttl", [-1, "soon", float("nan"), datetime(2100, 1, 1), True])  # noqa: DTZ001
def test_what_is_no_time_is_refused(app: msgq.App, ttl: Any) -> None:
    with pytest.raises(msgq.ConfigError, match="ttl"):
        app.queue("q").enqueue(b"x", ttl=ttl)


@behind_pooler
def test_a_parked_message_is_called_off(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    assert queue.depth().sent == 0  # as above
    off, on = queue.enqueue("off", delay=0.2).id, queue.enqueue("on", delay=0.2).id
    waits = queue.enqueue("waits").id
    assert queue.cancel(off, str(waits)) == 1, "what waits may be running any moment"
    assert queue.cancel(off) == 0
    found = [queue.claim(wait=10)[0], queue.claim(wait=10)[0]]
    assert {each.id for each in found} == {on, waits}
    assert queue.depth().cancelled == 1


@behind_pooler
def test_a_parked_message_gets_another_time(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    later, sooner = queue.enqueue("later", delay=HOUR).id, queue.enqueue("sooner", delay=HOUR).id
    assert queue.reschedule(later, delay=2 * HOUR) == 1
    assert queue.reschedule(sooner, delay=0) == 1
    assert queue.claim(wait=10)[0].id == sooner
    due = queue.find(later).due_at
    assert due is not None
    assert abs(due - datetime.now(timezone.utc) - 2 * HOUR) < timedelta(minutes=1)


def test_no_message_is_rescheduled_past_its_ttl(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    ends = queue.enqueue("ends", delay="1m", ttl=HOUR).id
    lasts = queue.enqueue("lasts", delay="1m").id
    with pytest.raises(msgq.ConfigError, match=f"ttl of message {ends} ends at .* UTC"):
        queue.reschedule(lasts, ends, delay=2 * HOUR)
    due = queue.find(lasts).due_at
    assert due is not None
    assert due < datetime.now(timezone.utc) + HOUR, "moved all the same"
    assert queue.reschedule(ends, delay="50m") == 1


@pytest.mark.parametrize("call", ["cancel", "reschedule"])
def test_what_cannot_be_named_is_refused(any_app: msgq.App, call: str) -> None:
    queue = any_app.queue("q")
    more = {"delay": 1} if call == "reschedule" else {}
    with pytest.raises(msgq.NotFoundError, match="q"):
        getattr(queue, call)("0" * 32, **more)
    queue.enqueue(b"x")
    with pytest.raises(msgq.ConfigError, match="no message id"):
        getattr(queue, call)("seven", **more)
    with pytest.raises(msgq.ConfigError, match="by their ids"):
        getattr(queue, call)(**more)


def test_sync_runs_at_once_so_that_nothing_expires_or_is_parked() -> None:
    app = msgq.App("sync://")
    seen: list[int] = []

    @app.handler(queue="q", priority=7)
    def note(context: msgq.Context) -> None:
        seen.append(context.priority)

    note.using(ttl="1h").enqueue()
    assert seen == [7]
    with pytest.raises(msgq.UnsupportedError, match="sync"):
        app.queue("q").cancel("0" * 32)


def test_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "now_ms", lambda: 1_000)
    assert duration.expires_ms(None, None) == 0
    assert duration.expires_ms("1s", None) == 2_000
    assert duration.expires_ms("3s", "2s") == 4_000
    with pytest.raises(msgq.ConfigError):
        duration.expires_ms("2s", "2s")
