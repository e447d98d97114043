"""MA: the client, names and messages, part by part."""

from __future__ import annotations

import string
import threading
from pathlib import Path

import pytest

import msgq
from tests.contract.claims import take
from tests.contract.conftest import MakeApp
from tests.contract.stores import Store

SECONDS = 20.0


def test_ma_client_unique_id_per_send(app: msgq.App, name: str) -> None:
    """Each send has an id of its own, also from several threads and in batches."""
    queue, ids, lock = app.queue(name), [], threading.Lock()

    def send() -> None:
        mine = [queue.enqueue(b"x").id for _ in range(20)] + queue.enqueue_many([b"x"] * 80).ids
        with lock:
            ids.extend(mine)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS)
    assert len(ids) == len(set(ids)) == 400
    assert {each.id for each in queue.messages()} == set(ids)


def test_ma_client_none_on_empty(queue: msgq.Queue) -> None:
    """Receiving from an empty queue gives nothing; looking at one gives nothing either."""
    assert queue.claim(1) == []
    queue.enqueue(b"x")
    queue.claim(1, wait=SECONDS)[0].ack()
    assert queue.claim(1) == []
    assert (queue.peek(), queue.dead()) == ([], [])


def test_ma_client_complete_removes(queue: msgq.Queue) -> None:
    """Completing removes the message."""
    receipt = queue.enqueue(b"x")
    queue.claim(1, wait=SECONDS)[0].ack()
    assert queue.claim(1) == []
    with pytest.raises(msgq.NotFoundError, match=str(receipt.id)):
        queue.find(receipt.id)


def test_ma_client_abandon_makes_visible(queue: msgq.Queue, other: msgq.App, name: str) -> None:
    """Abandoning makes the message visible again; a retry is a failure, a snooze is not."""
    queue.enqueue(b"x")
    queue.claim(1, wait=SECONDS)[0].retry()
    (again,) = other.queue(name).claim(1, wait=SECONDS)
    assert (again.attempt, again.failures) == (2, 1)
    again.snooze(0)
    (last,) = queue.claim(1, wait=SECONDS)
    assert (last.attempt, last.failures) == (2, 1)
    last.ack()


def test_ma_client_dead_letter_moves(queue: msgq.Queue) -> None:
    """Dead-lettering moves the message, with a reason."""
    receipt = queue.enqueue(b"x")
    queue.claim(1, wait=SECONDS)[0].reject("no use")
    assert queue.claim(1) == []
    (dead,) = queue.dead()
    assert (dead.id, dead.body, dead.reason, dead.state) == (receipt.id, b"x", "no use", "dead")
    assert (queue.depth().dead, queue.depth().depth) == (1, 0)


def test_ma_client_capability_flags_match(
    store: Store, app: msgq.App, make_app: MakeApp, name: str, tmp_path: Path
) -> None:
    """Capability flags match provider: what docs/guarantees.md says is what calls do."""
    queue = app.queue(name)
    receipt = queue.enqueue(b"x", delay=0)
    queue.enqueue(b"later", delay="1h")
    assert (queue.depth().parked == 1) is store.can("can_delay")
    assert (len(queue.peek()) >= 1) is store.can("can_look")
    assert (name in make_app().queues()) is store.can("is_shared")
    try:
        app.backup(tmp_path / "copy")
    except msgq.UnsupportedError:
        assert not store.can("can_backup")
    else:
        assert store.can("can_backup")
    (delivery,) = queue.claim(1, wait=SECONDS)
    delivery.extend(60)
    assert store.can("can_extend")
    app.close(SECONDS)
    again = make_app()
    kept = [each.id for each in again.queue(name).messages()] if name in again.queues() else []
    assert (receipt.id in kept) is store.can("is_durable")


def test_ma_client_provider_kind_is_correct(store: Store, app: msgq.App) -> None:
    """The kind of the provider is correct."""
    assert app.transport == store.scheme
    assert store.scheme in str(app.config.url)


def test_ma_name_length(app: msgq.App, name: str) -> None:
    """Names have 1 to 260 characters; msgq's have 1 to 255 bytes of UTF-8."""
    longest = name + "x" * (255 - len(name))
    app.queue(longest).enqueue(b"x")
    assert longest in app.queues()
    for wrong in ("", longest + "x", "\u00e9" * 128):
        with pytest.raises(msgq.ConfigError, match="1 to 255 bytes"):
            app.queue(wrong)


def test_ma_name_character_set(app: msgq.App, name: str) -> None:
    """Names of letters, digits, underscore, hyphen and dot; msgq takes other printable ones too."""
    plain = f"{name}{string.ascii_letters}{string.digits}_-."
    for good in (plain, f"{name}/part", f"{name} \u00e4"):
        app.queue(good).enqueue(b"x")
        assert app.queue(good).claim(1, wait=SECONDS)[0].queue == good
    for wrong in (f"{name}\n", f"{name}\0", f" {name}", f"{name}/../x", f"{name}\u202e"):
        with pytest.raises(msgq.ConfigError):
            app.queue(wrong)


def test_ma_name_hyphen_rules(app: msgq.App, name: str) -> None:
    """Hyphens at either end are refused by some brokers; msgq allows them, adapters map names."""
    for good in (f"-{name}", f"{name}-"):
        app.queue(good).enqueue(b"x")
        assert good in app.queues()


def test_ma_name_double_hyphen(app: msgq.App, name: str) -> None:
    """Double hyphens are refused by some brokers; msgq allows them and keeps names apart."""
    app.queue(f"{name}--x").enqueue(b"double")
    app.queue(f"{name}-x").enqueue(b"single")
    assert [each.body for each in app.queue(f"{name}--x").peek()] == [b"double"]


def test_ma_message_body_is_exact(queue: msgq.Queue) -> None:
    """A body arrives exactly as it was sent."""
    bodies = [b"", b"\0\xff\xfe", bytes(range(256)) * 1000, "\u00e4\U0001f40d".encode(), b"'; --"]
    queue.enqueue_many(bodies)
    assert [each.body for each in queue.peek()] == bodies
    assert [each.body for each in take(queue, 5)] == bodies


def test_ma_message_attributes_are_preserved(queue: msgq.Queue) -> None:
    """Attributes are preserved: text, numbers, truth, nothing; through a retry too."""
    headers = {"text": "\u00e4'\"", "n": 2**53, "f": 0.1, "yes": True, "none": None}
    queue.enqueue(b"x", headers=headers)
    (first,) = queue.claim(1, wait=SECONDS)
    assert first.headers == headers
    first.retry()
    (second,) = queue.claim(1, wait=SECONDS)
    assert second.headers == headers
    second.reject()
    assert queue.dead()[0].headers == headers


def test_ma_message_count_is_at_least_one(queue: msgq.Queue) -> None:
    """The delivery count is at least 1 and rises by one a delivery."""
    queue.enqueue(b"x")
    counts = []
    for _ in range(3):
        (delivery,) = queue.claim(1, wait=SECONDS)
        counts.append(delivery.attempt)
        delivery.retry()
    assert counts == [1, 2, 3]


def test_ma_message_is_delivered_at_or_after_first_delivery(queue: msgq.Queue) -> None:
    """Delivered at or after first delivery: the times of a message never run backwards."""
    queue.enqueue(b"x")
    times = []
    for _ in range(3):
        (delivery,) = queue.claim(1, wait=SECONDS)
        times.append(delivery.enqueued_at)
        delivery.retry(reason="again")
    (last,) = queue.claim(1, wait=SECONDS)
    failed_at = [each["at"] for each in last.history]
    assert times == [last.enqueued_at] * 3
    assert len(failed_at) == 3
    assert failed_at == sorted(failed_at)


def test_ma_message_receipt_is_fresh(queue: msgq.Queue) -> None:
    """Each delivery has a fresh receipt."""
    queue.enqueue(b"x")
    fences = []
    for _ in range(4):
        (delivery,) = queue.claim(1, wait=SECONDS)
        fences.append(delivery.fence)
        delivery.retry()
    assert fences == sorted(set(fences))


def test_ma_message_forwarding_keeps_the_body(queue: msgq.Queue) -> None:
    """Forwarding keeps the body: to the dead letters and back again."""
    receipt = queue.enqueue(b"\0body\xff", headers={"h": 1})
    queue.claim(1, wait=SECONDS)[0].reject("once")
    assert queue.dead()[0].body == b"\0body\xff"
    assert queue.redrive(receipt.id) == 1
    (again,) = queue.claim(1, wait=SECONDS)
    assert (again.id, again.body, again.headers) == (receipt.id, b"\0body\xff", {"h": 1})
    assert again.failures == 0
