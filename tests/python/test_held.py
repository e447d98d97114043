"""What a handler sends is there when, and only if, its message is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import msgq
from msgq import _core
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import POOLED, TRANSPORTS

APP_STORES = TRANSPORTS
ONCE = msgq.RetryPolicy(max_attempts=1)


def _ignore(body: bytes) -> None: ...


@pytest.fixture
def next_(app: msgq.App) -> msgq.Queue:
    """The queue that handlers of these tests send to; on sync:// each message runs."""
    if app.transport == "sync":
        app.handler(queue="next", name="*")(_ignore)
    return app.queue("next")


def run(app: msgq.App) -> None:
    if app.transport != "sync":
        run_until_idle(app, ["default"], 10)


def sent(app: msgq.App, queue: str = "next") -> int:
    return app.queue(queue).depth().sent


@pytest.mark.also_on(POOLED)
def test_it_is_sent_when_the_handler_has_succeeded(app: msgq.App, next_: msgq.Queue) -> None:
    seen: list[Any] = []

    @app.handler(name="one")
    def one(n: int) -> None:
        receipt = next_.enqueue(b"%d" % n)
        batch = next_.enqueue_many([b"x", b"y"])
        seen.append((receipt, batch, receipt.is_held, receipt.status, sent(app)))

    one.enqueue_many([1, 2])
    run(app)
    assert {each[2:4] for each in seen} == {(True, "pending")}
    assert seen[0][4] == 0
    assert sent(app) == 6
    assert {each[0].wait(5).status for each in seen} == {"persisted"}
    assert {each[1].wait(5).status for each in seen} == {"persisted"}
    assert app.queue("default").depth().done == 2


def test_it_vanishes_when_the_handler_fails(app: msgq.App, next_: msgq.Queue) -> None:
    receipts: list[msgq.Receipt] = []
    outcomes: list[Callable[[], Any]] = [
        lambda: 1 / 0, lambda: msgq.Retry(0), lambda: msgq.Snooze(0), lambda: None,
    ]  # fmt: skip

    @app.handler(name="flaky", retry=msgq.RetryPolicy(base=0.0, jitter=0.0))
    def flaky() -> Any:
        receipts.append(next_.enqueue(b"x"))
        return outcomes.pop(0)()

    flaky.enqueue()
    run(app)
    assert sent(app) == 1
    assert receipts[-1].wait(5).status == "persisted"
    for each in receipts[:-1]:
        with pytest.raises(msgq.errors.RolledBackError, match="did not succeed"):
            each.wait(5)


def test_waiting_for_it_in_the_handler_says_so(app: msgq.App, next_: msgq.Queue) -> None:
    texts: list[str] = []

    @app.handler(name="waits", retry=ONCE)
    def waits() -> None:
        receipt = next_.enqueue_later(b"x")
        for wait in (
            receipt.wait,
            next_.enqueue_many_later([b"x"]).wait,
            lambda: msgq.wait_all([receipt]),
            lambda: list(msgq.as_completed([receipt])),
        ):
            with pytest.raises(msgq.errors.HeldError) as error:
                wait()
            texts.append(str(error.value))
        next_.enqueue(b"now", held=False)
        assert sent(app) == 1

    waits.enqueue()
    run(app)
    assert len(texts) == 4
    assert "held=False" in texts[0]
    assert sent(app) == 3


def test_async_handlers_and_tasks_of_theirs(app: msgq.App, next_: msgq.Queue) -> None:
    @app.handler(name="aone", retry=ONCE)
    async def aone(n: int) -> None:
        receipt = await next_.aenqueue(b"x")
        with pytest.raises(msgq.errors.HeldError):
            await receipt
        await asyncio.gather(next_.aenqueue(b"y"), next_.aenqueue_many([b"a", b"b"]))
        if n == 2:
            raise ValueError

    aone.enqueue_many([1, 2])
    run(app)
    assert sent(app) == 4


def test_a_batch_sends_with_those_that_succeeded(any_app: msgq.App) -> None:
    app, next_ = any_app, any_app.queue("next")

    @app.handler(name="batch", batch=msgq.Batch(10, 0.2), retry=ONCE)
    def batch(items: list[int]) -> None:
        next_.enqueue(b"of all")
        if len(items) < 3:
            raise ValueError
        raise msgq.BatchError({0: ValueError()})

    batch.enqueue_many([1, 2, 3])
    run(app)
    assert sent(app) == 1
    batch.enqueue_many([4])
    run(app)
    assert sent(app) == 1


def test_the_setting_and_each_handler_and_call(make_app: MakeApp) -> None:
    app = make_app(hold_sends=False)
    next_ = app.queue("next")
    seen: dict[str, int] = {}

    def sends(name: str, *, hold_sends: bool | None = None) -> None:
        @app.handler(name=name, queue=name, retry=ONCE, hold_sends=hold_sends)
        def send() -> None:
            next_.enqueue(b"x")
            next_.enqueue(b"y", held=True)
            seen[name] = len(next_.peek())
            raise ValueError

        send.enqueue()
        run_until_idle(app, [name], 5)
        next_.purge()

    sends("off")
    sends("on", hold_sends=True)
    assert seen == {"off": 1, "on": 0}
    with pytest.raises(msgq.ConfigError, match="hold_sends"):
        app.handler(name="bad", hold_sends=3)(lambda: None)  # type: ignore[call-overload]
    with pytest.raises(msgq.ConfigError, match="held="):
        next_.enqueue(b"x", held="no")


def test_what_cannot_be_stored_fails_the_handler_s_message(make_app: MakeApp) -> None:
    app = make_app()
    app.queue("next").create(max_length=1, overflow="raise")

    @app.handler(name="much", retry=ONCE)
    def much() -> None:
        app.queue("next").enqueue_many([b"1", b"2"])
        app.queue("other").enqueue(b"3")

    much.enqueue()
    run_until_idle(app, ["default"], 5)
    (letter,) = app.dead()
    assert letter.error == "msgq.QueueFullError"
    assert (sent(app), sent(app, "other")) == (0, 0)


def test_a_send_that_finds_no_room_costs_no_slot(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, commit, refused = make_app(), _core.Engine.commit, list[str]()

    def refuse_first(engine: _core.Engine, *args: Any) -> object:
        if not refused:
            refused.append("no room")
            raise msgq.QueueFullError(refused[0])
        return commit(engine, *args)

    monkeypatch.setattr(_core.Engine, "commit", refuse_first)

    @app.handler(name="one", concurrency=1, retry=ONCE)
    def one(n: int) -> None:
        app.queue("next").enqueue(b"x")

    one.enqueue_many([1, 2, 3])
    run_until_idle(app, ["default"], 10)
    assert (len(app.dead()), sent(app)) == (1, 2)


def test_threads_of_a_handler_send_at_once(make_app: MakeApp) -> None:
    app = make_app()

    @app.handler(name="starts", retry=ONCE)
    def starts() -> None:
        thread = threading.Thread(target=lambda: app.queue("next").enqueue(b"x"))
        thread.start()
        thread.join()
        raise ValueError

    starts.enqueue()
    run_until_idle(app, ["default"], 5)
    assert sent(app) == 1


def test_a_handler_that_took_too_long_sends_nothing_more(make_app: MakeApp) -> None:
    app = make_app()
    told, go = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    @app.handler(name="slow", timeout=0.05, retry=ONCE)
    def slow() -> None:
        app.queue("next").enqueue(b"before")
        go.wait(10)
        try:
            app.queue("next").enqueue(b"after")
        except msgq.MsgqError as error:
            errors.append(error)
        told.set()

    slow.enqueue()
    run_until_idle(app, ["default"], 5)
    go.set()
    assert told.wait(10)
    assert isinstance(errors[0], msgq.errors.RolledBackError)
    assert sent(app) == 0


def test_keys_keep_their_order(make_app: MakeApp) -> None:
    app = make_app()
    ran: list[tuple[str, int]] = []

    @app.handler(name="keyed", key="k", retry=msgq.RetryPolicy(base=0.0))
    def keyed(k: str, n: int) -> None:
        ran.append((k, n))
        app.queue("next").enqueue(b"%d" % n, key=k)

    keyed.enqueue_many([("ab"[i % 2], i) for i in range(20)])
    run_until_idle(app, ["default"], 5)
    assert [n for k, n in ran if k == "a"] == list(range(0, 20, 2))
    bodies = [each.body for each in app.queue("next").peek(50) if each.key == "a"]
    assert bodies == [b"%d" % n for n in range(0, 20, 2)]
