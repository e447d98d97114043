"""FA1 to FA6 and FA8 to FA10: what Symfony Messenger promises."""

from __future__ import annotations

import threading
from collections import Counter

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import take
from tests.contract.conftest import MakeApp
from tests.contract.stores import Store
from tests.contract.verdicts import waits_for

SECONDS = 20.0
TWICE = msgq.RetryPolicy(2, base=0, jitter=0)


def test_fa1_the_first_queue_is_checked_after_every_turn(make_app: MakeApp, name: str) -> None:
    """A higher-priority transport is checked again after every receiver turn (queue_order=strict).

    A turn is what a claim brought: one message here, and one that may be held already.
    """
    app = make_app(queue_order="strict", claim_size=1, prefetch=1)
    high, low, order = f"{name}-high", f"{name}-low", []

    @app.handler(queue=high, name=high)
    def urgent(n: int) -> None:
        order.append("urgent")

    @app.handler(queue=low, name=low)
    def usual(n: int) -> None:
        order.append("usual")
        if n == 0:
            urgent.enqueue(0)

    usual.enqueue_many(range(30))
    with app.worker([high, low], concurrency=1) as worker:
        worker.run_until_idle(SECONDS)
    assert len(order) == 31
    assert order.index("urgent") <= 3


def test_fa2_a_worker_never_abandons_a_message(app: msgq.App, other: msgq.App, name: str) -> None:
    """A worker never abandons a message because of a limit or signal.

    What runs is finished, what was not started goes back unspent.
    """
    started, release, done = threading.Event(), threading.Event(), []

    @app.handler(queue=name, name=name)
    def handler(n: int) -> None:
        started.set()
        assert release.wait(SECONDS)
        done.append(n)

    handler.enqueue_many(range(50))
    worker = app.worker(concurrency=2).start()
    assert started.wait(SECONDS)
    stopping = threading.Thread(target=worker.stop, args=(SECONDS,))
    stopping.start()
    while worker.is_running:
        pass
    release.set()
    stopping.join(SECONDS)
    assert 1 <= len(done) < 50
    left = take(other.queue(name), 50 - len(done))
    assert sorted(done + [each.value()[0] for each in left]) == list(range(50))
    assert {each.failures for each in left} == {0}


def test_fa3_what_succeeded_is_not_run_again(app: msgq.App, name: str) -> None:
    """Handlers that succeeded are not run again on retry.

    A message of msgq has one handler; of a batch only those that failed are run again.
    """
    calls: Counter[int] = Counter()

    @app.handler(queue=name, name=name, batch=msgq.Batch(10), retry=TWICE)
    def handler(numbers: list[int]) -> None:
        calls.update(numbers)
        failed = {
            at: ValueError(n) for at, n in enumerate(numbers) if n in (3, 4) and calls[n] == 1
        }
        if failed:
            raise msgq.BatchError(failed)

    handler.enqueue_many(range(10))
    run_until_idle(app, timeout=SECONDS)
    assert calls == {n: 2 if n in (3, 4) else 1 for n in range(10)}
    assert (app.queue(name).depth().done, app.queue(name).depth().dead) == (10, 0)


def test_fa4_a_nested_message_is_sent_only_if_its_parent_succeeded(
    app: msgq.App, name: str
) -> None:
    """A nested message is sent only if its parent succeeded."""
    child = app.queue(f"{name}-child")

    @app.handler(queue=name, name=name, retry=msgq.RetryPolicy(1))
    def parent(n: int) -> None:
        child.enqueue(b"of %d" % n)
        if n == 0:
            raise ValueError

    child.enqueue(b"first")
    parent.enqueue_many([0, 1])
    run_until_idle(app, [name], SECONDS)
    assert {each.body for each in take(child, 2)} == {b"first", b"of 1"}
    assert child.claim(1) == []
    assert (app.queue(name).depth().done, app.queue(name).depth().dead) == (1, 1)


def test_fa5_ack_comes_after_the_handled_events(app: msgq.App, name: str) -> None:
    """Ack happens only after handled events, reject only after failure events."""
    during: list[int] = []

    @app.handler(queue=name, name=name)
    def handler(n: int) -> None:
        during.append(app.queue(name).depth().done)

    handler.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    assert (during, app.queue(name).depth().done) == ([0], 1)
    waits_for("middleware")


def test_fa6_nothing_is_dead_twice(app: msgq.App, name: str) -> None:
    """A message already in the failure transport is not sent there twice."""
    calls: list[int] = []

    @app.handler(queue=name, name=name, retry=TWICE)
    def failing(n: int) -> None:
        calls.append(n)
        raise ValueError

    receipt = failing.enqueue(1)
    for rounds in (1, 2):
        run_until_idle(app, timeout=SECONDS)
        assert [each.id for each in app.queue(name).dead()] == [receipt.id]
        assert len(calls) == 2 * rounds
        assert app.queue(name).redrive(receipt.id) == 1
        assert app.queue(name).redrive(receipt.id) == 0


def test_fa8_options_beat_the_dsn(store: Store) -> None:
    """Options beat DSN."""
    sign = "&" if "?" in store.url else "?"
    url = f"{store.url}{sign}lease=1m"
    with_url, with_both = msgq.App(url).config, msgq.App(url, lease="2m").config
    assert (with_url["lease"], with_url.origin("lease")) == (60, "url")
    assert (with_both["lease"], with_both.origin("lease")) == (120, "code")


def test_fa9_a_dedup_lock_skips_the_later_dispatch(app: msgq.App, name: str) -> None:
    """Dedup lock skips the later dispatch, not the earlier."""
    queue = app.queue(name)
    first, second = queue.enqueue(b"x", dedup="lock"), queue.enqueue(b"x", dedup="lock")
    assert (first.status, second.status, second.id) == ("persisted", "duplicate", first.id)
    assert [each.id for each in queue.messages()] == [first.id]


def test_fa10_batch_items_succeed_and_fail_alone(app: msgq.App, name: str) -> None:
    """Batch handler items succeed and fail alone."""

    @app.handler(queue=name, name=name, batch=msgq.Batch(100), retry=msgq.RetryPolicy(1))
    def handler(numbers: list[int]) -> None:
        failed: dict[int, BaseException] = {
            at: ValueError(f"no {n}") for at, n in enumerate(numbers) if n % 10 == 7
        }
        if failed:
            raise msgq.BatchError(failed)

    handler.enqueue_many(range(50))
    run_until_idle(app, timeout=SECONDS)
    dead = app.queue(name).dead()
    assert sorted((each.value(), each.history[0]["text"]) for each in dead) == [
        (n, f"no {n}") for n in (7, 17, 27, 37, 47)
    ]
    assert app.queue(name).depth().done == 45
