"""What a worker promises: every message handled or kept, exactly N at once, nothing ends it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stuck import Stuck

SECONDS = 20.0
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
def test_k4_stopping_finishes_what_runs_and_returns_the_rest(any_app: msgq.App, kind: str) -> None:
    """K4: running handlers finish within the grace time; unstarted work is back within a second."""
    started, release = threading.Event(), threading.Event()
    done: list[int] = []

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
    release.set()
    stopping.join(SECONDS)
    assert not stopping.is_alive()
    left = 10 - len(done)
    assert left >= 6
    deliveries = any_app.queue("q").claim(100, wait=5)
    assert len(deliveries) == left
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
