"""Dead letters on every store: walked, counted, sent again, removed, page by page."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import pytest

import msgq
from msgq._pace import Pacer
from msgq.dead import DeadLetters, DeadResult
from tests.support.letters import bury, fail
from tests.support.stores import behind_pooler


@pytest.fixture
def queue(any_app: msgq.App) -> msgq.Queue:
    return any_app.queue("q")


MakeApp = Callable[..., msgq.App]


def ids(letters: DeadLetters) -> list[str]:
    return [str(each.id) for each in letters]


def claimed(queue: msgq.Queue, count: int) -> list[str]:
    """The ids that wait, in the order in which they are handed out."""
    found: list[str] = []
    while len(found) < count:
        for each in queue.claim(count, wait=5):
            found.append(str(each.id))
            each.ack()
    return found


def test_walked_in_the_order_of_deaths_over_many_pages(queue: msgq.Queue) -> None:
    dead = bury(queue, range(60))
    assert ids(queue.dead_letters()) == dead
    assert queue.dead_letters().count() == 60
    assert ids(queue.dead_letters(limit=3)) == dead[:3]
    third = list(queue.dead_letters(limit=3))[-1]
    assert ids(queue.dead_letters(after=third.cursor)) == dead[3:]
    assert queue.dead_letters(after=third.cursor).count() == 57


def test_of_one_queue_and_of_all(any_app: msgq.App) -> None:
    first = bury(any_app.queue("a"), [1, 2])
    second = bury(any_app.queue("b"), [3])
    assert ids(any_app.dead_letters()) == [*first, *second]
    assert ids(any_app.dead_letters("b")) == second
    assert any_app.dead_letters().count() == 3
    assert any_app.dead_letters("a").count() == 2


def test_a_queue_that_is_not_there_is_told(any_app: msgq.App) -> None:
    letters = any_app.dead_letters("nowhere")
    looks: list[Callable[[], object]] = [
        letters.count, letters.redrive, letters.delete, partial(list, letters)
    ]  # fmt: skip
    for look in looks:
        with pytest.raises(msgq.NotFoundError, match="nowhere"):
            look()


def test_a_bad_cursor_is_told(queue: msgq.Queue) -> None:
    bury(queue, [1])
    with pytest.raises(msgq.ConfigError, match="cursor"):
        list(queue.dead_letters(after="nonsense"))


@behind_pooler
def test_filters_meet_what_handlers_leave(any_app: msgq.App) -> None:
    failed = fail(any_app, [ValueError("no such user"), KeyError("x"), msgq.PayloadError("odd")])
    plain = bury(any_app.queue("plain"), ["needle"], headers={"tenant": "Ada"})
    letters = any_app.dead_letters
    assert ids(letters(error="ValueError")) == failed[:1]
    assert ids(letters(error="PayloadError")) == failed[2:]
    assert ids(letters(error="msgq.PayloadError")) == failed[2:]
    assert ids(letters(handler="shop.fails")) == failed
    assert ids(letters(reason="NO SUCH")) == failed[:1]
    assert ids(letters(text="needle")) == plain
    assert ids(letters(text="ada")) == plain
    assert ids(letters(text="raise next")) == failed  # of the trace
    assert ids(letters("plain", error="ValueError")) == []
    assert ids(letters(since="1h")) == [*failed, *plain]
    assert ids(letters(until="1h")) == []


@behind_pooler
def test_an_attempt_tells_when_where_how_long_and_what(any_app: msgq.App) -> None:
    fail(any_app, [ValueError("no such user")])
    (letter,) = any_app.dead_letters()
    (attempt,) = letter.history
    assert set(attempt) == {"at", "worker", "ms", "error", "text", "trace"}
    assert (attempt["error"], attempt["text"]) == ("ValueError", "no such user")
    assert attempt["ms"] >= 0
    assert "raise next(raised)" in attempt["trace"]
    assert letter.error == "ValueError"


def test_a_rejection_by_hand_is_an_attempt_too(queue: msgq.Queue) -> None:
    bury(queue, [1], reason="no such address")
    (letter,) = queue.dead_letters()
    assert [each["text"] for each in letter.history] == ["no such address"]
    assert letter.error == ""


@behind_pooler
def test_redrive_of_those_that_fit_keeps_their_order(queue: msgq.Queue) -> None:
    odd: list[str] = []
    even: list[str] = []
    for _ in range(20):
        odd += bury(queue, ["odd"])
        even += bury(queue, ["even"])
    assert queue.dead_letters(text="odd").redrive() == DeadResult(20, 0)
    assert claimed(queue, 20) == odd
    assert ids(queue.dead_letters()) == even


def test_redrive_starts_counts_anew_and_keeps_the_history(queue: msgq.Queue) -> None:
    bury(queue, [1], reason="the first time")
    queue.dead_letters().redrive()
    (delivery,) = queue.claim(1, wait=5)
    assert (delivery.attempt, delivery.failures) == (1, 0)
    assert [each["text"] for each in delivery.history] == ["the first time"]


def test_redrive_of_nothing_sends_nothing(queue: msgq.Queue) -> None:
    dead = bury(queue, range(3))
    assert queue.dead_letters(text="nothing of the kind").redrive() == DeadResult(0, 0)
    assert queue.dead_letters(text="nothing of the kind").delete() == DeadResult(0, 0)
    assert ids(queue.dead_letters()) == dead


def test_what_dies_again_meanwhile_is_not_sent_twice(
    queue: msgq.Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msgq.dead.STEP_MAX", 1)
    dead = bury(queue, range(20))
    again = []

    def fail_at_once(_count: int) -> None:
        (delivery,) = queue.claim(1, wait=5)
        delivery.reject("again")
        again.append(str(delivery.id))

    assert queue.dead_letters().redrive(progress=fail_at_once) == DeadResult(20, 0)
    assert again == dead
    assert ids(queue.dead_letters(reason="again")) == dead


def test_what_others_took_is_gone(queue: msgq.Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msgq.dead.STEP_MAX", 1)
    dead = bury(queue, range(4))

    def take(count: int) -> None:
        if count == 1:
            queue.delete_dead(dead[2])

    assert queue.dead_letters().redrive(progress=take) == DeadResult(3, 1)


@behind_pooler
def test_delete_of_those_that_fit(queue: msgq.Queue) -> None:
    bury(queue, ["old"] * 30)
    kept = bury(queue, ["new"])
    seen: list[int] = []
    assert queue.dead_letters(text="old").delete(progress=seen.append) == DeadResult(30, 0)
    assert ids(queue.dead_letters()) == kept
    assert seen[-1] == 30
    assert queue.depth().purged == 30


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


@pytest.mark.parametrize(("rate", "steps", "pause"), [(2.0, 6, 0.5), (20.0, 3, 0.1)])
def test_redrive_keeps_a_rate(
    monkeypatch: pytest.MonkeyPatch, rate: float, steps: int, pause: float
) -> None:
    world = World()
    monkeypatch.setattr("msgq.dead.Pacer", partial(Pacer, clock=world.clock, sleep=world.sleep))
    with msgq.connect("memory://", profile="test") as client:
        queue = client.queue("q")
        bury(queue, range(6))
        seen: list[int] = []
        queue.dead_letters().redrive(rate=rate, progress=seen.append)
    assert len(seen) == steps
    assert world.slept == pytest.approx([pause] * (steps - 1))


@behind_pooler
def test_redrive_takes_a_rate_on_each_store(queue: msgq.Queue) -> None:
    bury(queue, range(4))
    assert queue.dead_letters().redrive(rate=1_000) == DeadResult(4, 0)
    assert queue.depth().waiting == 4


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf"), "fast", True])
def test_a_senseless_rate_is_refused(rate: float) -> None:
    with msgq.connect("memory://", profile="test") as client:
        bury(client.queue("q"), [1])
        with pytest.raises(msgq.ConfigError, match="rate"):
            client.dead_letters().redrive(rate=rate)
        assert client.dead_letters().count() == 1


def test_pages_of_large_letters_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    with msgq.connect("memory://", profile="test") as client:
        bury(client.queue("q"), [b"x" * (1 << 20)] * 20)
        engine = client._opened()
        asked: list[int] = []

        class Watched:
            def dead(self, queue: str, after: str, limit: int) -> object:
                asked.append(limit)
                return engine.dead(queue, after, limit)

            def depth(self) -> object:
                return engine.depth()

        monkeypatch.setattr(client, "_opened", Watched)
        assert len(ids(client.dead_letters())) == 20
    assert asked == [16, 3, 3]


def test_on_sync_they_run_again_in_place(make_app: MakeApp) -> None:
    app = make_app("sync://")
    calls: list[int] = []

    @app.handler(queue="s", name="always", retry=msgq.RetryPolicy(1))
    def always(number: int) -> None:
        calls.append(number)
        raise ValueError("always")

    for number in range(20):
        always.enqueue(number)
    assert app.dead_letters("s").count() == 20
    found = app.dead_letters("s").analyze()
    assert (found.count, found.by_error) == (20, {"ValueError": 20})
    assert app.dead_letters("s").export(io.BytesIO()) == 20
    assert app.dead_letters("s").redrive(rate=10_000) == DeadResult(20, 0)
    assert calls == [*range(20), *range(20)]
    assert app.dead_letters("s", error="ValueError").delete() == DeadResult(20, 0)
    assert app.dead_letters().count() == 0
    with pytest.raises(msgq.ConfigError, match="cursor"):
        app.dead(after="nonsense")


@behind_pooler
def test_what_died_too_long_ago_is_removed_while_idle(store_url: str, make_app: MakeApp) -> None:
    app = make_app(store_url, dead_retention=0.05)
    queue = app.queue("q")
    bury(queue, range(3))
    for _ in range(300):
        if queue.depth().dead == 0:
            break
        assert queue.claim(wait=0.1) == []
    depth = queue.depth()
    assert (depth.dead, depth.purged, depth.waiting) == (0, 3, 0)
