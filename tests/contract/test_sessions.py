"""What the reference systems promise of sessions. msgq has keys: their order, not their lock.

A store that has no keys states the refusal instead.
"""

from __future__ import annotations

import string
import threading

import pytest

import msgq
from tests.contract.claims import keyed_queue
from tests.contract.stores import Store
from tests.contract.verdicts import waits_for

SECONDS = 20.0
LEASE = 3600.0  # ends in no test


def take_one(queue: msgq.Queue) -> msgq.Delivery:
    """Gives the next message."""
    (found,) = queue.claim(1, wait=SECONDS, lease=LEASE)
    return found


def take_in_turn(queue: msgq.Queue, count: int) -> list[object]:
    """The values of so many, each acknowledged before the next is asked for."""
    found = []
    for _ in range(count):
        one = take_one(queue)
        found.append(one.value())
        one.ack()
    return found


def test_sa7_session_messages_come_in_order(store: Store, app: msgq.App, name: str) -> None:
    """Session messages A, B, C come back in that order: strict FIFO, other sessions parallel."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    queue.enqueue_many(["A", "B", "C"], key="session-1")
    queue.enqueue("X", key="session-2")
    held = {one.key: one for one in (take_one(queue), take_one(queue))}
    assert {key: one.value() for key, one in held.items()} == {"session-1": "A", "session-2": "X"}
    assert queue.claim(10) == []
    held["session-1"].ack()
    assert take_in_turn(queue, 2) == ["B", "C"]


def test_sa8_emulated_sessions_behave_the_same(store: Store, app: msgq.App, name: str) -> None:
    """Emulated sessions behave the same: group id as session, order kept, degrade politely."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    done: list[int] = []

    @app.handler(queue=name, name=name, key="group", retry=msgq.RetryPolicy(3, base=0, jitter=0))
    def handler(context: msgq.Context, group: str, n: int) -> None:
        if n == 2 or (n == 1 and context.attempt == 1):
            raise ValueError
        done.append(n)

    handler.enqueue_many([("group", n) for n in range(5)])
    with app.worker(concurrency=4) as worker:
        worker.run_until_idle(SECONDS)
    assert done == [0, 1, 3, 4]
    assert [each.value() for each in queue.dead()] == [["group", 2]]


def test_sa9_accept_session_gives_an_exclusive_lock() -> None:
    """Accept session gives an exclusive lock: one holder, renewed while active, freed on drop."""
    waits_for("sessions of a key")


def test_sa10_an_idle_session_lock_expires() -> None:
    """Idle session lock expires: others can take it, the first holder gets lock-lost next."""
    waits_for("sessions of a key")


def test_va1_session_exclusivity(store: Store, app: msgq.App, other: msgq.App, name: str) -> None:
    """Session exclusivity: one holder at a time."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    queue.enqueue_many([1, 2], key="session-1")
    first = take_one(queue)
    for each in (queue, other.queue(name)):
        assert each.claim(10) == []
    first.ack()
    assert take_in_turn(queue, 1) == [2]


def test_va2_session_fifo(store: Store, app: msgq.App, name: str) -> None:
    """Session FIFO: the order of sending is the order of handling."""
    if keyed_queue(store, app, name) is None:
        return
    done: dict[str, list[int]] = {"a": [], "b": []}

    @app.handler(queue=name, name=name, key="session")
    def handler(session: str, n: int) -> None:
        done[session].append(n)

    for n in range(100):
        handler.enqueue_many([("a", n), ("b", n)])
    with app.worker(concurrency=4) as worker:
        worker.run_until_idle(SECONDS)
    assert done == {"a": list(range(100)), "b": list(range(100))}


def test_va6_group_order(store: Store, app: msgq.App, name: str) -> None:
    """Group order: messages of one group are handled in the order they were sent."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    queue.enqueue_many(range(5), key="group")
    first = take_one(queue)
    first.retry(0)  # those behind it wait
    assert take_in_turn(queue, 5) == list(range(5))


def test_ma_client_accepts_a_named_session() -> None:
    """The client accepts a named session."""
    waits_for("sessions of a key")


def test_ma_client_accepts_any_session() -> None:
    """The client accepts any session that has messages; nothing, at the timeout, if none has."""
    waits_for("sessions of a key")


def test_ma_session_is_fifo(store: Store, app: msgq.App, name: str) -> None:
    """A session gives its messages first in, first out."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    for n in range(10):
        queue.enqueue(n, key="session-1")
    assert take_in_turn(queue, 10) == list(range(10))


def test_ma_session_has_its_id(store: Store, app: msgq.App, name: str) -> None:
    """A session tells its id."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    told: list[str | None] = []

    @app.handler(queue=name, name=name, key="session")
    def handler(context: msgq.Context, session: str) -> None:
        told.append(context.key)

    handler.enqueue("session-1")
    with app.worker() as worker:
        worker.run_until_idle(SECONDS)
    queue.enqueue(b"x", key="session-2")
    assert [*told, take_one(queue).key] == ["session-1", "session-2"]


def test_ma_session_expires_in_the_future() -> None:
    """A session's lock expires in the future."""
    waits_for("sessions of a key")


def test_ma_session_renewal_extends() -> None:
    """Renewing a session extends its lock."""
    waits_for("sessions of a key")


def test_ma_session_closing_releases() -> None:
    """Closing a session releases its lock."""
    waits_for("sessions of a key")


def test_ma_session_id_is_not_empty(app: msgq.App, name: str) -> None:
    """Session ids are not empty."""
    with pytest.raises(msgq.ConfigError, match="from 1 to 512 bytes"):
        app.queue(name).enqueue(b"x", key="")
    assert app.queue(name).depth().sent == 0


def test_ma_session_id_has_up_to_128(store: Store, app: msgq.App, name: str) -> None:
    """Session ids have up to 128 characters."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    for key in ("a" * 128, "\N{SNOWMAN}" * 128, "\N{PILE OF POO}" * 128):
        queue.enqueue(b"x", key=key)
        assert take_one(queue).key == key


def test_ma_session_id_is_printable_ascii(store: Store, app: msgq.App, name: str) -> None:
    """Session ids are printable ASCII."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    printable = "".join(each for each in string.printable if each.isprintable())
    queue.enqueue(b"x", key=printable)
    assert take_one(queue).key == printable


def test_ma_message_session_is_preserved(store: Store, app: msgq.App, name: str) -> None:
    """A message keeps its session."""
    if (queue := keyed_queue(store, app, name)) is None:
        return
    queue.enqueue(b"x", key="session-1")
    take_one(queue).retry(0)
    take_one(queue).reject("no")
    assert [each.key for each in queue.dead()] == ["session-1"]
    queue.redrive()
    assert take_one(queue).key == "session-1"


def test_ec6_a_stolen_session_lock() -> None:
    """Stolen session lock gives SessionLockLost."""
    waits_for("sessions of a key")


def test_ec7_no_session_available() -> None:
    """No session available gives nothing, at the timeout, and no error."""
    waits_for("sessions of a key")


def test_ec8_a_very_long_session(store: Store, app: msgq.App, name: str) -> None:
    """Very long session: 1,000 and more messages, the lock kept."""
    if keyed_queue(store, app, name) is None:
        return
    done: list[int] = []
    inside = threading.Lock()
    together: list[int] = []

    @app.handler(queue=name, name=name, key="session")
    def handler(session: str, n: int) -> None:
        if not inside.acquire(blocking=False):
            together.append(n)
            return
        done.append(n)
        inside.release()

    handler.enqueue_many([("long", n) for n in range(1_500)])
    with app.worker(concurrency=4) as worker:
        worker.run_until_idle(5 * SECONDS)
    assert together == []
    assert done == list(range(1_500))


def test_ec9_concurrent_accept() -> None:
    """Concurrent accept: one wins, and it is fair."""
    waits_for("sessions of a key")
