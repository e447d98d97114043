"""Another program holds a write transaction on the store's file for longer than msgq waits for it.

Whoever enqueues gets a typed error that says that nothing was written, or waits as long as is set;
looking is never held back; and once the transaction ends everything goes on by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.cli import call, ok
from tests.support.foreign import write_transaction

URL = "sqlite:///q.db"
HASTY: dict[str, Any] = {"busy_timeout": 0.05, "enqueue_timeout": 0.1}
SECONDS = 20.0
WHY = r"nothing was written, it may be tried again"


@pytest.fixture
def hasty(make_app: MakeApp) -> msgq.App:
    """An open app that waits for nobody, with one message in `q`."""
    app = make_app(URL, **HASTY)
    app.queue("q").enqueue(b"before")
    return app


def test_every_way_to_enqueue_fails_typed_and_leaves_nothing(hasty: msgq.App) -> None:
    @hasty.handler(queue="q", name="h")
    def handler(n: int) -> None: ...

    async def awaited(make: Callable[[], Any]) -> None:
        await make()

    queue = hasty.queue("q")
    calls: list[Callable[[], Any]] = [
        lambda: queue.enqueue(b"x"),
        lambda: queue.enqueue(b"x", delay=5),
        lambda: queue.enqueue_later(b"x").wait(SECONDS),
        lambda: queue.enqueue_many([b"x", b"y"]),
        lambda: asyncio.run(awaited(lambda: queue.aenqueue(b"x"))),
        lambda: handler.enqueue(1),
        lambda: handler.enqueue_many([1, 2]),
    ]
    with write_transaction("q.db") as end:
        for each in calls:
            with pytest.raises(msgq.StoreUnavailableError, match=WHY) as caught:
                each()
            assert caught.value.is_retryable
            assert not caught.value.is_in_doubt
        end()
    assert [each.body for each in queue.peek()] == [b"before"]
    assert queue.enqueue(b"after").status == "persisted"
    assert [each.body for each in queue.peek()] == [b"before", b"after"]


def test_opening_and_administering_fail_typed_and_looking_does_not(hasty: msgq.App) -> None:
    queue = hasty.queue("q")
    with write_transaction("q.db") as end:
        for change in (lambda: msgq.connect(URL, **HASTY), queue.purge, queue.delete):
            with pytest.raises(msgq.StoreUnavailableError, match=WHY):
                change()
        assert [each.body for each in queue.peek()] == [b"before"]
        assert queue.depth().waiting == 1
        assert hasty.queues() == ["q"]
        end()
    with msgq.connect(URL, **HASTY) as client:
        assert client.queue("q").purge() == 1


def test_who_may_wait_goes_on_when_the_transaction_ends(make_app: MakeApp) -> None:
    app = make_app(URL, busy_timeout=0.05)
    handled: list[int] = []

    @app.handler(queue="q", name="h")
    def handler(n: int) -> None:
        handled.append(n)

    app.queue("claimed").enqueue(b"x")
    (delivery,) = app.queue("claimed").claim(1, wait=5, lease=60)
    with write_transaction("q.db") as end, ThreadPoolExecutor(2) as pool:
        later = [handler.enqueue_later(number) for number in range(3)]
        waiting: list[Future[Any]] = [
            pool.submit(handler.enqueue, 3),
            pool.submit(delivery.ack),
        ]
        with (
            msgq.connect("sqlite:///other.db", **HASTY) as other,
            write_transaction("other.db"),
            pytest.raises(msgq.StoreUnavailableError),
        ):
            other.queue("q").enqueue(b"so much time has passed")
        assert not any(each.done() for each in later)
        assert not any(each.done() for each in waiting)
        end()
        for each in waiting:
            each.result(SECONDS)
    msgq.wait_all(later, timeout=SECONDS)
    run_until_idle(app, timeout=SECONDS)
    assert sorted(handled) == [0, 1, 2, 3]
    assert app.queue("claimed").depth().done == 1


def test_the_command_line_says_that_it_may_be_tried_again() -> None:
    url = f"{URL}?busy_timeout=50ms&enqueue_timeout=100ms"
    ok("enqueue", "q", "1", "--url", url)
    with write_transaction("q.db"):
        answer = call("enqueue", "q", "2", "--url", url)
    assert answer.status == 4
    assert "nothing was written" in answer.err
    assert answer.out == ""
    assert ok("queues", "--url", url, "--json").json[0]["waiting"] == 1
