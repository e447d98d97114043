"""What a worker promises: every message handled or kept, exactly N at once, nothing ends it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import POSTGRES

SECONDS = 20.0
APP_STORES = ("memory://", POSTGRES)
NOW = msgq.RetryPolicy(max_attempts=3, base=0, jitter=0)


def test_handlers_of_all_kinds_run_in_one_worker(any_app: msgq.App) -> None:
    got: Counter[str] = Counter()

    @any_app.handler(queue="a")
    def single(n: int) -> None:
        got["single"] += n

    @any_app.handler(queue="b", batch=msgq.Batch(max_size=50))
    def batch(numbers: list[int]) -> None:
        got["batch"] += sum(numbers)

    @any_app.handler(queue="c")
    async def coroutine(n: int) -> None:
        got["async"] += n

    @any_app.handler(queue="d", batch=msgq.Batch(max_size=50))
    async def async_batch(numbers: list[int], ctx: msgq.Context) -> None:
        got["async batch"] += sum(numbers)

    @any_app.handler(queue="e", name="*")
    def rest(body: dict[str, int], ctx: msgq.Context) -> None:
        got[ctx.queue] += body["n"]

    for handler in (single, batch, coroutine, async_batch):
        handler.enqueue_many(list(range(200)))
    any_app.queue("e").enqueue_many([{"n": n} for n in range(200)])
    run_until_idle(any_app, timeout=SECONDS)
    assert got == dict.fromkeys(["single", "batch", "async", "async batch", "e"], 19900)
    assert all(any_app.stats().depth_of(q).done == 200 for q in "abcde")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(),
                                   GeneratorExit(), BaseException("base")])  # fmt: skip
@pytest.mark.parametrize("kind", ["sync", "async", "batch", "async batch"])
def test_no_exception_ends_a_worker(app: msgq.App, error: BaseException, kind: str) -> None:
    """SystemExit and KeyboardInterrupt of a handler are failed attempts, like everything else."""
    handler = raising(app, error, kind)
    handler.enqueue(1)
    handler.enqueue(2)
    run_until_idle(app, timeout=SECONDS)
    dead = app.queue("q").dead()
    assert len(dead) == 2
    for each in dead:
        assert each.failures == 3
        assert [attempt["error"] for attempt in each.history] == [type(error).__name__] * 3
        assert "failed 3 of 3 times" in each.reason


def raising(app: msgq.App, error: BaseException, kind: str) -> Any:
    batch = msgq.Batch(10) if "batch" in kind else None

    def sync_one(n: int) -> None:
        raise error

    async def async_one(n: int) -> None:
        raise error

    def sync_batch(numbers: list[int]) -> None:
        raise error

    async def async_batch(numbers: list[int]) -> None:
        raise error

    chosen: dict[str, Any] = {
        "sync": sync_one, "async": async_one, "batch": sync_batch, "async batch": async_batch,
    }  # fmt: skip
    declare: Any = app.handler(queue="q", retry=NOW, batch=batch)
    return declare(chosen[kind])


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_r5_concurrency_is_that_number(make_app: MakeApp, kind: str) -> None:
    """R5: a configured concurrency of N really runs N handlers at once, and never more."""
    app = make_app(concurrency=10)
    gate = threading.Barrier(4, timeout=SECONDS)
    lock = threading.Lock()
    running: list[int] = [0]
    most: list[int] = [0]
    begun: list[int] = [0]

    def enter() -> bool:
        with lock:
            begun[0] += 1
            running[0] += 1
            most[0] = max(most[0], running[0])
            return begun[0] <= 4

    def leave() -> None:
        with lock:
            running[0] -= 1

    if kind == "sync":

        @app.handler(queue="q", name="h", concurrency=4)
        def handler(n: int) -> None:
            if enter():  # the first four can only go on together
                gate.wait()
            leave()
    else:

        @app.handler(queue="q", name="h", concurrency=4)
        async def ahandler(n: int) -> None:
            import asyncio

            if enter():
                await asyncio.to_thread(gate.wait)
            leave()

    app.queue("q").enqueue(b"x")  # nobody's: must not disturb
    app.handlers["h"].enqueue_many(list(range(20)))
    with app.worker() as worker:
        while app.stats().traffic_of("q").done < 20:
            assert worker.is_running
    assert most[0] == 4


def test_a_workers_own_concurrency_is_that_number(make_app: MakeApp) -> None:
    app = make_app()
    gate = threading.Barrier(3, timeout=SECONDS)

    @app.handler(queue="q")
    def handler(n: int) -> None:
        if n < 3:
            gate.wait()

    handler.enqueue_many(list(range(9)))
    with app.worker(concurrency=3) as worker:
        worker.run_until_idle(SECONDS)
    assert app.stats().traffic_of("q").done == 9


@pytest.mark.parametrize("order", ["strict", "weighted", "fair"])
def test_whatever_the_order_every_queue_is_served_to_its_end(make_app: MakeApp, order: str) -> None:
    app = make_app(queue_order=order, queue_weights={"a": 9, "b": 1}, claim_size=1, prefetch=0)
    seen: list[str] = []

    @app.handler(queue="a", name="a")
    def first(n: int) -> None:
        seen.append("a")

    @app.handler(queue="b", name="b")
    def second(n: int) -> None:
        seen.append("b")

    second.enqueue_many(list(range(300)))
    first.enqueue_many(list(range(300)))
    with app.worker(["a", "b"], concurrency=1) as worker:
        worker.run_until_idle(SECONDS)
    assert Counter(seen) == {"a": 300, "b": 300}


def test_a_blocked_queue_never_blocks_others(app: msgq.App) -> None:
    release, done = threading.Event(), threading.Event()

    @app.handler(queue="stuck", concurrency=1)
    def stuck(n: int) -> None:
        assert release.wait(SECONDS)

    @app.handler(queue="free")
    def free(n: int) -> None:
        if n == 99:
            done.set()

    stuck.enqueue_many(list(range(50)))
    free.enqueue_many(list(range(100)))
    with app.worker(concurrency=2):
        assert done.wait(SECONDS)
        release.set()


def test_only_the_queues_asked_for_are_served(app: msgq.App) -> None:
    got: list[str] = []

    @app.handler(queue="a", name="a")
    def first(n: int) -> None:
        got.append("a")

    @app.handler(queue="b", name="b")
    def second(n: int) -> None:
        got.append("b")

    first.enqueue(1)
    second.enqueue(1)
    run_until_idle(app, ["b"], timeout=SECONDS)
    assert got == ["b"]
    assert app.queue("a").depth().waiting == 1


def test_handlers_enqueue_for_each_other(any_app: msgq.App) -> None:
    got: list[int] = []

    @any_app.handler(queue="b", name="b")
    def second(n: int) -> None:
        got.append(n)

    @any_app.handler(queue="a", name="a")
    def first(n: int) -> None:
        second.enqueue(n * 2)

    first.enqueue_many([1, 2, 3])
    run_until_idle(any_app, timeout=SECONDS)
    assert sorted(got) == [2, 4, 6]


def test_a_worker_starts_once(app: msgq.App) -> None:
    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    worker = app.worker().start()
    assert "running" in repr(worker)
    with pytest.raises(msgq.ClosedError, match="once"):
        worker.start()
    worker.stop()
    handler.enqueue(1)
    with pytest.raises(msgq.WaitTimeoutError, match="not idle"):
        app.worker().run_until_idle(0.01)
