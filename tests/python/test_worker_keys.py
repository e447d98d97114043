"""What workers and claims do with keys: one of a key at a time, in order, and nobody else waits."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import defaultdict
from collections.abc import Callable

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import STORES, behind_pooler

SECONDS = 60.0
APP_STORES = STORES
NOW = msgq.RetryPolicy(max_attempts=4, base=0, jitter=0)


class Watch:
    """What came in and out of handlers, by key."""

    def __init__(self) -> None:
        self.done: dict[str, list[int]] = defaultdict(list)
        self.tries: dict[tuple[str, int], int] = defaultdict(int)
        self.together: list[str] = []
        self.most_keys = 0
        self._inside: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, key: str, n: int) -> int:
        """Notes a call; gives which try it is."""
        with self._lock:
            if key in self._inside:
                self.together.append(f"{key}: {n}")
            self._inside.add(key)
            self.most_keys = max(self.most_keys, len(self._inside))
            self.tries[key, n] += 1
            return self.tries[key, n]

    def leave(self, key: str, n: int, *, is_done: bool) -> None:
        """Notes its end."""
        with self._lock:
            self._inside.discard(key)
            if is_done:
                self.done[key].append(n)


def fails(n: int, attempt: int) -> bool:
    """Every third message fails once, every seventh twice."""
    return (n % 3 == 0 and attempt == 1) or (n % 7 == 0 and attempt <= 2)


def threads(app: msgq.App, watch: Watch) -> None:
    @app.handler(queue="q", name="h", key="key", retry=NOW)
    def handler(key: str, n: int) -> None:
        is_done = not fails(n, watch.enter(key, n))
        watch.leave(key, n, is_done=is_done)
        if not is_done:
            raise ValueError


def tasks(app: msgq.App, watch: Watch) -> None:
    @app.handler(queue="q", name="h", key="key", retry=NOW)
    async def handler(key: str, n: int) -> None:
        is_done = not fails(n, watch.enter(key, n))
        await asyncio.sleep(0)
        watch.leave(key, n, is_done=is_done)
        if not is_done:
            raise ValueError


def batches(app: msgq.App, watch: Watch) -> None:
    @app.handler(queue="q", name="h", key="0", batch=msgq.Batch(10), retry=NOW)
    def handler(items: list[dict[str, int | str]]) -> None:
        calls = [(str(each["0"]), int(each["1"])) for each in items]
        bad = [fails(n, watch.enter(key, n)) for key, n in calls]
        for (key, n), is_bad in zip(calls, bad, strict=True):
            watch.leave(key, n, is_done=not is_bad)
        if any(bad):
            raise msgq.BatchError({i: ValueError() for i, each in enumerate(bad) if each})


def calls_of(keys: int, count: int, *, as_items: bool) -> list[object]:
    mixed = [(f"key-{k}", n) for n in range(1, count + 1) for k in range(keys)]
    return [{"0": key, "1": n} for key, n in mixed] if as_items else list(mixed)


@behind_pooler
@pytest.mark.parametrize("kind", [threads, tasks, batches])
def test_a_key_keeps_its_order_through_failures(
    app: msgq.App, kind: Callable[[msgq.App, Watch], None]
) -> None:
    watch = Watch()
    kind(app, watch)
    app.handlers["h"].enqueue_many(calls_of(7, 50, as_items=kind is batches))
    run_until_idle(app, timeout=SECONDS)
    assert watch.together == [], "two of one key at once"
    assert dict(watch.done) == {f"key-{k}": list(range(1, 51)) for k in range(7)}
    assert app.queue("q").depth().done == 350
    assert app.stats().traffic_of("q").lost == 0


def test_what_goes_wrong_in_every_way_keeps_the_order(app: msgq.App) -> None:
    watch, drawn, ended = Watch(), random.Random(7), threading.Semaphore(0)
    fates = {n: drawn.choice(["ack", "retry", "snooze", "reject"]) for n in range(60)}

    @app.handler(queue="q", key="key", retry=NOW)
    def handler(key: str, n: int) -> msgq.Retry | msgq.Snooze | msgq.Reject | None:
        first = watch.enter(key, n) == 1
        fate = fates[n] if first or fates[n] == "reject" else "ack"
        watch.leave(key, n, is_done=fate == "ack")
        if fate == "retry":
            return msgq.Retry(0.001)
        if fate == "snooze":
            return msgq.Snooze(0.001)
        ended.release()
        return msgq.Reject("no") if fate == "reject" else None

    for n in range(60):
        handler.enqueue_many([(f"key-{k}", n) for k in range(5)])
    left = [n for n in range(60) if fates[n] != "reject"]
    with app.worker() as worker:
        for _ in range(300):
            assert ended.acquire(timeout=SECONDS)
        worker.run_until_idle(SECONDS)
    assert watch.together == []
    assert dict(watch.done) == {f"key-{k}": left for k in range(5)}
    assert len(app.queue("q").dead(1000)) == 5 * (60 - len(left))


@behind_pooler
@pytest.mark.parametrize("is_async", [False, True])
def test_different_keys_run_side_by_side(app: msgq.App, is_async: bool) -> None:
    meeting = threading.Barrier(4)

    def meet(key: str) -> None:
        meeting.wait(SECONDS)  # passes only once four are inside

    async def ameet(key: str) -> None:
        await asyncio.to_thread(meet, key)

    handler = app.handler(queue="q", key="key")(ameet if is_async else meet)
    handler.enqueue_many([f"key-{k}" for k in range(4)])
    with app.worker(concurrency=4) as worker:
        worker.run_until_idle(SECONDS)
    assert app.queue("q").depth().done == 4


@behind_pooler
def test_a_slow_key_holds_up_nobody_else(app: msgq.App) -> None:
    others, go_on = threading.Semaphore(0), threading.Event()
    done: list[int] = []

    # A handler of its own: what a slot took at once with a slow message waits with it, keys or not.
    @app.handler(queue="q", key="key")
    def slow(key: str, n: int) -> None:
        assert go_on.wait(SECONDS)
        done.append(n)

    @app.handler(queue="q", key="key")
    def quick(key: str) -> None:
        others.release()

    slow.enqueue_many([("slow", n) for n in range(500)])
    quick.enqueue_many([(f"key-{n % 20}",) for n in range(500)])
    with app.worker(concurrency=3) as worker:
        for _ in range(500):
            assert others.acquire(timeout=SECONDS)
        assert done == []
        go_on.set()
        worker.run_until_idle(SECONDS)
    assert done == list(range(500))


def test_a_slow_key_in_front_of_the_others_holds_up_itself_alone(any_app: msgq.App) -> None:
    """More of it than a process may have in hand comes first; it is parked until its turn."""
    count = 5_000
    others, go_on = threading.Semaphore(0), threading.Event()
    done: list[int] = []

    @any_app.handler(queue="q", name="slow", key="key")
    def slow(key: str, n: int) -> None:
        assert go_on.wait(SECONDS)
        done.append(n)

    # a handler of its own: what a slot takes at once with a slow message waits with it
    @any_app.handler(queue="q", name="quick", key="key")
    def quick(key: str) -> None:
        others.release()

    slow.enqueue_many([("slow", n) for n in range(count)])
    quick.enqueue_many([(f"key-{n % 20}",) for n in range(100)])
    with any_app.worker(concurrency=3) as worker:
        for _ in range(100):
            assert others.acquire(timeout=SECONDS)
        assert done == []
        go_on.set()
        worker.run_until_idle(SECONDS)
    assert done == list(range(count))
    assert any_app.stats().traffic_of("q").retried == 0


def test_a_slow_key_claimed_by_hand_holds_up_itself_alone(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue_many(range(1_500), key="slow")
    queue.enqueue_many(range(1_500, 1_520), key=[f"key-{n}" for n in range(20)])
    slow: list[msgq.Delivery] = []
    others: list[int] = []
    while len(others) < 20 or not slow:
        for each in queue.claim(500, wait=SECONDS, lease="5m"):
            if each.key == "slow":
                slow.append(each)
                continue
            others.append(each.value())
            each.ack()
    assert sorted(others) == list(range(1_500, 1_520))
    (first,) = slow
    first.ack()
    done = [first.value()]
    while len(done) < 1_500:
        (each,) = queue.claim(500, wait=SECONDS)
        done.append(each.value())
        each.ack()
    assert done == list(range(1_500))


def test_messages_without_a_key_wait_for_none(app: msgq.App) -> None:
    plain, go_on = threading.Semaphore(0), threading.Event()

    @app.handler(queue="q", key="key")
    def handler(key: str | None) -> None:
        if key is None:
            plain.release()
        else:
            assert go_on.wait(SECONDS)

    handler.enqueue_many(["a", "a", None, "a", None])
    with app.worker(concurrency=3) as worker:
        for _ in range(2):
            assert plain.acquire(timeout=SECONDS)
        go_on.set()
        worker.run_until_idle(SECONDS)


def test_a_key_goes_on_behind_its_dead_letter(app: msgq.App) -> None:
    done: list[int] = []

    @app.handler(queue="q", key="key", retry=msgq.RetryPolicy(2, base=0))
    def handler(key: str, n: int) -> None:
        if n == 2:
            raise ValueError
        done.append(n)

    handler.enqueue_many([("a", n) for n in range(1, 6)])
    run_until_idle(app, timeout=SECONDS)
    assert done == [1, 3, 4, 5]
    (dead,) = app.queue("q").dead()
    assert (dead.key, dead.value(), dead.failures) == ("a", ["a", 2], 2)


def test_a_message_that_takes_too_long_in_a_row_lets_its_key_go_on(any_app: msgq.App) -> None:
    done: list[int] = []
    hung, go_on = threading.Event(), threading.Event()

    @any_app.handler(queue="q", key="key", timeout=0.2, retry=NOW)
    def handler(key: str, n: int) -> None:
        if n == 25 and not hung.is_set():
            hung.set()
            go_on.wait(SECONDS)  # over its time, and dropped then
            return
        done.append(n)
        if n == 25:
            go_on.set()

    handler.enqueue_many([("a", n) for n in range(50)])
    while any_app.queue("q").depth().done < 50:
        run_until_idle(any_app, timeout=SECONDS)
    assert done == list(range(50))


def test_two_handlers_of_a_queue_share_its_keys(app: msgq.App) -> None:
    watch = Watch()

    def note(key: str, n: int) -> None:
        watch.enter(key, n)
        watch.leave(key, n, is_done=True)

    first = app.handler(queue="q", name="first", key="key")(note)
    second = app.handler(queue="q", name="second", key="key")(note)
    for n in range(40):
        (second if n % 2 else first).enqueue_many([("a", n), ("b", n)])
    run_until_idle(app, timeout=SECONDS)
    assert watch.together == []
    assert dict(watch.done) == {"a": list(range(40)), "b": list(range(40))}


def test_what_a_handler_sends_of_its_own_key_comes_behind(app: msgq.App) -> None:
    done: list[int] = []

    @app.handler(queue="q", key="key")
    def handler(key: str, n: int) -> None:
        done.append(n)
        if n < 20:
            handler.enqueue(key, n + 10)

    handler.enqueue_many([("a", n) for n in range(10)])
    run_until_idle(app, timeout=SECONDS)
    assert done == list(range(30))


def test_a_worker_that_stops_leaves_a_key_in_order(app: msgq.App) -> None:
    done: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    @app.handler(queue="q", key="key")
    def handler(key: str, n: int) -> None:
        done.append(n)
        if n == 3:
            begun.set()
            assert go_on.wait(SECONDS)

    handler.enqueue_many([("a", n) for n in range(50)])
    worker = app.worker(concurrency=4).start()
    assert begun.wait(SECONDS)
    stopping = threading.Thread(target=worker.stop, args=(SECONDS,))
    stopping.start()
    go_on.set()
    stopping.join(SECONDS)
    assert done == list(range(len(done)))
    run_until_idle(app, timeout=SECONDS)
    assert done == list(range(50))


def test_two_processes_take_turns_with_a_key(make_app: MakeApp) -> None:
    watch = Watch()
    apps = [make_app("sqlite:///q.db") for _ in range(2)]
    for each in apps:
        threads(each, watch)
    apps[0].handlers["h"].enqueue_many(calls_of(20, 20, as_items=False))
    with apps[0].worker(concurrency=2) as first, apps[1].worker(concurrency=2) as second:
        first.run_until_idle(SECONDS)
        second.run_until_idle(SECONDS)
    assert watch.together == []
    assert dict(watch.done) == {f"key-{k}": list(range(1, 21)) for k in range(20)}
