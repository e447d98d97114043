"""Handlers that take too long, and workers that are stopped."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

import msgq
from msgq._engine import core
from msgq.testing import run_until_idle
from tests.support.stores import POSTGRES
from tests.support.stuck import Stuck

SECONDS = 20.0
APP_STORES = ("memory://", POSTGRES)
NOW = msgq.RetryPolicy(max_attempts=3, base=0, jitter=0)


def test_a_sync_handler_that_takes_too_long_is_counted_and_replaced(
    app: msgq.App, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    ran: Counter[int] = Counter()

    @app.handler(queue="q", timeout=0.1, retry=NOW)
    def handler(n: int) -> None:
        ran[n] += 1
        if n == 0:
            assert release.wait(SECONDS)

    handler.enqueue_many(list(range(10)))
    with app.worker(concurrency=1) as worker:
        worker.run_until_idle(SECONDS)
        (dead,) = app.queue("q").dead()
        release.set()
    assert dead.failures == 3
    assert dead.history[0]["error"] == "msgq.WaitTimeoutError"
    assert ran[0] == 3
    assert all(ran[n] >= 1 for n in range(10))
    assert app.stats().traffic_of("q").done == 9
    assert "is replaced" in caplog.text


def test_no_thread_is_replaced_once_the_worker_was_stopped(app: msgq.App) -> None:
    """The watcher may be about to do so just then; nobody would end such a thread."""

    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    worker = app.worker(concurrency=1).start()
    assert worker.stop()
    before = set(threading.enumerate())
    worker._start_thread()
    assert set(threading.enumerate()) <= before
    assert worker.stop()


def test_an_async_handler_that_takes_too_long_is_cancelled(app: msgq.App) -> None:
    import asyncio

    cancelled: list[int] = []

    @app.handler(queue="q", timeout=0.1, retry=NOW)
    async def handler(n: int) -> None:
        try:
            if n == 0:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(n)
            raise

    handler.enqueue_many(list(range(10)))
    run_until_idle(app, timeout=SECONDS)
    assert cancelled == [0, 0, 0]
    (dead,) = app.queue("q").dead()
    assert dead.history[0]["error"] == "msgq.WaitTimeoutError"


def test_a_handlers_own_cancellation_is_a_failure(app: msgq.App) -> None:
    import asyncio

    @app.handler(queue="q", retry=NOW)
    async def handler(n: int) -> None:
        raise asyncio.CancelledError

    handler.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    assert len(app.queue("q").dead()) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_k4_stopping_finishes_what_runs_and_returns_the_rest(
    any_app: msgq.App, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K4: running handlers finish within the grace time; unstarted work is back within a second."""
    started, release, told = threading.Event(), threading.Event(), threading.Event()
    done: list[int] = []
    stop_worker = core().Engine.stop_worker

    def telling(*arguments: Any) -> None:
        stop_worker(*arguments)
        told.set()

    monkeypatch.setattr(core().Engine, "stop_worker", telling)

    if kind == "sync":

        @any_app.handler(queue="q", name="h")
        def handler(n: int) -> None:
            started.set()
            assert release.wait(SECONDS)
            done.append(n)
    else:

        @any_app.handler(queue="q", name="h", concurrency=2)
        async def ahandler(n: int) -> None:
            import asyncio

            started.set()
            await asyncio.to_thread(release.wait, SECONDS)
            done.append(n)

    any_app.handlers["h"].enqueue_many(list(range(10)))
    worker = any_app.worker(concurrency=2).start()
    assert started.wait(SECONDS)
    stopping = threading.Thread(target=worker.stop, args=(SECONDS,))
    stopping.start()
    assert told.wait(SECONDS)
    release.set()
    stopping.join(SECONDS)
    assert not stopping.is_alive()
    left = 10 - len(done)
    assert left >= 6
    deliveries: list[msgq.Delivery] = []
    while len(deliveries) < left:  # what was in a claim with one that ran comes back by itself
        more = any_app.queue("q").claim(100, wait=SECONDS)
        assert more
        deliveries += more
    assert {each.attempt for each in deliveries} <= {1, 2}
    assert {each.failures for each in deliveries} == {0}


def test_what_still_runs_at_the_end_of_the_grace_time_is_told(
    app: msgq.App, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = Stuck(app)
    stuck.handler.enqueue(1)
    worker = app.worker().start()
    stuck.wait_started()
    assert worker.running_count == 1
    assert not worker.stop(0.05)
    assert "still ran" in caplog.text
    assert worker.stop(0)  # twice is fine
    stuck.release.set()


def test_async_handlers_cancelled_at_the_end_go_back_unspent(app: msgq.App) -> None:
    import asyncio

    started = threading.Event()

    @app.handler(queue="q")
    async def handler(n: int) -> None:
        started.set()
        await asyncio.Event().wait()

    handler.enqueue(1)
    worker = app.worker().start()
    assert started.wait(SECONDS)
    assert not worker.stop(0.05)
    (delivery,) = app.queue("q").claim(1, wait=5)
    assert delivery.failures == 0
