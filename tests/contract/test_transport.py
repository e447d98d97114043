"""VA3 to VA5, VA7 to VA15: what a transport does for whoever uses it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import take
from tests.contract.conftest import MakeApp
from tests.contract.stores import Store
from tests.support.stuck import Stuck

SECONDS = 20.0


def test_va3_a_lock_is_renewable(queue: msgq.Queue, other: msgq.App, name: str) -> None:
    """Lock renewable: an extended lease outlives its first end."""
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=SECONDS, lease=0.2)
    delivery.extend("1m")
    assert other.queue(name).claim(1, wait=0.5) == []
    delivery.ack()
    assert queue.depth().done == 1


def test_va4_a_scheduled_message_is_invisible_until_due(queue: msgq.Queue) -> None:
    """Scheduled message invisible until due."""
    later = queue.enqueue(b"later", delay="1h")
    queue.enqueue(b"soon", delay=0.05)
    depth = queue.depth()
    assert depth.parked + depth.waiting == 2
    (soon,) = queue.claim(9, wait=SECONDS)
    assert soon.body == b"soon"
    soon.ack()
    assert queue.claim(9) == []
    assert queue.find(later.id).state == "parked"
    assert queue.find(later.id).due_at is not None


def test_va5_peek_changes_nothing(queue: msgq.Queue) -> None:
    """Peek changes nothing."""
    queue.enqueue_many([b"a", b"b"])
    before = queue.depth()
    first, second = queue.peek(), queue.peek()
    assert first == second
    assert [(each.body, each.state, each.deliveries) for each in first] == [
        (b"a", "waiting", 0), (b"b", "waiting", 0),
    ]  # fmt: skip
    after = queue.depth()
    assert (after.waiting, after.leased, after.sent) == (before.waiting, 0, 2)
    assert [each.attempt for each in take(queue, 2)] == [1, 1]


def test_va7_duplicates_are_refused_inside_the_window(app: msgq.App, name: str) -> None:
    """Duplicates refused inside the window."""
    queue = app.queue(name)
    first = queue.enqueue(b"x", dedup="order-1", unique="1h", on_duplicate="raise")
    with pytest.raises(msgq.DuplicateError, match=str(first.id)):
        queue.enqueue(b"x", dedup="order-1", unique="1h", on_duplicate="raise")
    queue.enqueue(b"x", dedup="order-1", unique="1h", on_duplicate="skip")
    assert queue.depth().sent == 1


def test_va8_a_message_is_invisible_while_processing(
    make_app: MakeApp, store: Store, name: str
) -> None:
    """Invisible while processing: also when that takes longer than a lease."""
    app = make_app(lease=0.2)
    stuck = Stuck(app, name)
    stuck.handler.enqueue(1)
    with app.worker() as worker:
        stuck.wait_started()
        other = make_app() if store.can("is_shared") else app
        assert other.queue(name).claim(1, wait=0.6) == []
        stuck.release.set()
        worker.run_until_idle(SECONDS)
    assert app.queue(name).depth().done == 1


def test_va9_a_long_poll_waits(queue: msgq.Queue, other: msgq.App, name: str) -> None:
    """Long poll waits: a receive that found nothing gets what comes meanwhile."""
    assert queue.claim(1) == []
    found: list[msgq.Delivery] = []
    waiting = threading.Thread(target=lambda: found.extend(queue.claim(1, wait=SECONDS)))
    waiting.start()
    other.queue(name).enqueue(b"x")
    waiting.join(SECONDS)
    assert [each.body for each in found] == [b"x"]


def test_va10_a_batch_is_cheaper(app: msgq.App, name: str) -> None:
    """Batch cheaper: one exchange claims many."""
    queue = app.queue(name)
    queue.enqueue_many([b"x"] * 100)
    assert queue.depth().waiting == 100

    def flushes() -> int:
        return app.stats(with_depth=False).store.flushes

    begun = flushes()
    assert len(take(queue, 50)) == 50
    batch = flushes() - begun
    assert len([queue.claim(1, wait=SECONDS) for _ in range(50)]) == 50
    single = flushes() - begun - batch
    assert 0 < batch * 5 <= single


def test_va11_there_is_one_api(app: msgq.App, name: str) -> None:
    """One API: the same program does the same on each transport."""
    queue = app.queue(name)
    queue.enqueue_many(["ack", "retry", "snooze", "reject"], headers={"h": 1})
    for each in take(queue, 4):
        getattr(each, each.value())(*([0] if each.value() == "snooze" else []))
    again = sorted(take(queue, 2), key=lambda each: str(each.value()))
    found = [(each.value(), each.attempt, each.failures) for each in again]
    assert found == [("retry", 2, 1), ("snooze", 1, 0)]
    for each in again:
        each.ack()
    (dead,) = queue.dead()
    assert (dead.value(), dead.reason, dead.headers) == ("reject", "rejected", {"h": 1})
    assert queue.redrive(dead.id) == 1
    assert [each.value() for each in queue.peek()] == ["reject"]
    assert queue.purge() >= 1
    queue.delete()
    assert name not in app.queues()


def test_va12_errors_are_mapped(make_app: MakeApp, name: str) -> None:
    """Error mapping: each fault is a class of msgq with a code, and says whether to retry."""
    app = make_app(message_bytes_max=10, strict_queues=False)
    queue = app.queue(name)
    receipt = queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=SECONDS)
    delivery.ack()
    faults: list[tuple[Callable[[], object], type[msgq.MsgqError], type[Exception], bool]] = [
        (lambda: queue.enqueue(b"x" * 11), msgq.PayloadError, ValueError, False),
        (lambda: queue.claim(0), msgq.ConfigError, ValueError, False),
        (lambda: queue.find(receipt.id), msgq.NotFoundError, LookupError, False),
        (lambda: app.queue(f"{name}-not").delete(), msgq.NotFoundError, LookupError, False),
        (delivery.ack, msgq.LeaseLostError, msgq.MsgqError, False),
        (
            lambda: queue.enqueue(b"x", key="k", conn=1),
            msgq.UnsupportedError,
            NotImplementedError,
            False,
        ),
        (lambda: app.close() and queue.enqueue(b"x"), msgq.ClosedError, msgq.MsgqError, False),
    ]
    for call, kind, builtin, is_retryable in faults:
        with pytest.raises(kind) as caught:
            call()
        assert isinstance(caught.value, builtin)
        assert caught.value.code
        assert caught.value.is_retryable is is_retryable


def test_va13_configuration_is_refused_at_start(store: Store) -> None:
    """Configuration refused at start: an option of the URL that nobody knows, a wrong value."""
    sign = "&" if "?" in store.url else "?"
    for option, why in (("nonsense=1", "nonsense"), ("lease=never", "lease")):
        with pytest.raises(msgq.ConfigError, match=why):
            msgq.connect(f"{store.url}{sign}{option}")


def test_va14_failures_never_crash_the_host(app: msgq.App, name: str) -> None:
    """Failures never crash the host: misuse and odd exceptions end as errors, work goes on."""
    queue = app.queue(name)
    for wrong in (lambda: queue.enqueue(object()), lambda: queue.find("seven"),
                  lambda: queue.redrive("x"), lambda: queue.peek(after="nonsense"),
                  lambda: app.queue("\0"), lambda: queue.claim(-1)):  # fmt: skip
        with pytest.raises(msgq.MsgqError):
            wrong()
    seen: list[int] = []

    @app.handler(queue=name, name=name, retry=msgq.RetryPolicy(1))
    def handler(n: int) -> None:
        seen.append(n)
        raise [SystemExit, KeyboardInterrupt, MemoryError, RecursionError, BaseException][n]

    handler.enqueue_many(range(5))
    run_until_idle(app, timeout=SECONDS)
    assert sorted(seen) == [0, 1, 2, 3, 4]
    assert queue.depth().dead == 5
    assert queue.enqueue(b"x").status == "persisted"


def test_va15_resources_are_released(
    store: Store, app: msgq.App, make_app: MakeApp, name: str
) -> None:
    """Resources released: a client that closes gives back what it held, at once."""
    queue = app.queue(name)
    receipt = queue.enqueue(b"x")
    assert len(queue.claim(1, wait=SECONDS, lease="1h")) == 1
    assert app.close(SECONDS)
    assert not app.is_open
    with pytest.raises(msgq.ClosedError):
        queue.claim(1)
    if store.can("is_durable"):
        (delivery,) = make_app().queue(name).claim(1, wait=SECONDS)
        assert (delivery.id, delivery.failures) == (receipt.id, 0)
    else:
        with pytest.raises(msgq.NotFoundError):
            make_app().queue(name).find(uuid.UUID(int=receipt.id.int))
