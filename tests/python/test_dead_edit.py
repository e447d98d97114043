"""A dead letter is changed where it is, or on its way back: all at once, under its own id."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import msgq
import msgq.testing
from tests.support.letters import bury, fail
from tests.support.stores import behind_pooler


@behind_pooler
def test_it_goes_back_as_it_is_now(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    one, two = bury(queue, [{"to": "nobody"}, "other"], headers={"tenant": "Ada"})
    queue.redrive_edited(one, body={"to": "ada@example.org"})
    (delivery,) = queue.claim(wait=10)
    assert str(delivery.id) == one
    assert (delivery.value(), delivery.headers) == ({"to": "ada@example.org"}, {"tenant": "Ada"})
    assert (delivery.attempt, delivery.failures) == (1, 0)
    delivery.ack()
    assert [str(each.id) for each in queue.dead()] == [two]
    with pytest.raises(
        msgq.NotFoundError, match=f"no message {one}|{one} of queue 'q' is not dead"
    ):
        queue.redrive_edited(one, body=1)


def test_it_stays_dead_as_it_is_now(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    (key,) = bury(queue, [b"\xff"], headers={"tenant": "Ada"}, priority=9)
    before = queue.find(key)
    queue.edit_dead(key, body=b"\xfe\x00", headers={"tenant": "Eve", "n": 1})
    (now,) = queue.dead()
    assert (now.body, now.headers) == (b"\xfe\x00", {"tenant": "Eve", "n": 1})
    assert (now.id, now.priority, now.reason) == (before.id, 9, before.reason)
    assert now.failures == before.failures
    assert now.changed_at is not None
    assert before.changed_at is not None
    assert abs(now.changed_at - before.changed_at) < timedelta(seconds=1)  # told by two clocks
    queue.edit_dead(key, headers=None)
    (now,) = queue.dead()
    assert (now.body, now.headers) == (b"\xfe\x00", {})


def test_a_handler_gets_its_new_arguments(any_app: msgq.App) -> None:
    seen: list[int] = []
    (key,) = fail(any_app, [ValueError("no such user")])
    letter = any_app.queue("fails").find(key)
    assert letter.value() == [0]

    @any_app.handler(queue="mended", name="mended")
    def mended(number: int) -> None:
        seen.append(number)

    mended.enqueue(1)
    (delivery,) = any_app.queue("mended").claim(wait=10)
    delivery.reject("no")
    any_app.queue("mended").redrive_edited(delivery.id, body=[7])
    msgq.testing.run_until_idle(any_app)
    assert seen == [7]


@behind_pooler
def test_many_are_edited_by_a_function(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    keys = bury(queue, range(6))
    letters = any_app.dead_letters("q")
    told: list[int] = []

    def change(letter: msgq.Message) -> Any:
        return {"body": letter.value() * 10} if letter.value() % 2 else None

    assert letters.edit(change, progress=told.append) == msgq.dead.DeadResult(3, 0)
    assert told == [1, 2, 3]
    assert sorted(each.value() for each in letters) == [0, 2, 4, 10, 30, 50]
    result = letters.edit(lambda _: {"headers": {"again": True}}, redrives=True)
    assert (result.done, result.gone, letters.count()) == (6, 0, 0)
    found: dict[str, Any] = {}
    while len(found) < 6:
        for each in queue.claim(10, wait=10):
            found[str(each.id)] = (each.value(), each.headers)
    assert found == {
        key: (n * 10 if n % 2 else n, {"again": True}) for n, key in enumerate(keys)
    }  # fmt: skip


def test_from_an_event_loop(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    (key,) = bury(queue, ["old"])

    async def mend() -> Any:
        await asyncio.to_thread(queue.redrive_edited, key, body="new")
        (delivery,) = await queue.aclaim(wait=10)
        await delivery.aack()
        return delivery.value()

    assert asyncio.run(mend()) == "new"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"body": b"{"}, msgq.PayloadError, "is no json"),
        ({"body": {1, object}}, msgq.PayloadError, "cannot be encoded"),
        ({"body": b" " * (10 << 20) + b"1"}, msgq.PayloadError, "message_bytes_max"),
        ({"headers": {"msgq-own": 1}}, msgq.PayloadError, "belong to msgq"),
        ({"text": 1}, msgq.ConfigError, "body and headers can be edited, not text"),
    ],
)
def test_what_it_cannot_hold_changes_nothing(
    any_app: msgq.App, changes: Any, error: type[Exception], text: str
) -> None:
    queue = any_app.queue("q")
    (key,) = bury(queue, ["as it was"])
    for edit in (queue.edit_dead, queue.redrive_edited):
        with pytest.raises(error, match=text):
            edit(key, **changes)
    assert [each.value() for each in queue.dead()] == ["as it was"]


def test_what_is_not_dead_is_not_edited(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    waits = queue.enqueue("waits").id
    with pytest.raises(msgq.NotFoundError, match=f"{waits} of queue 'q' is not dead"):
        queue.redrive_edited(waits, body="x")
    with pytest.raises(msgq.NotFoundError, match="no message"):
        queue.edit_dead("0" * 32, body="x")
    assert queue.claim(wait=10)[0].value() == "waits"


@pytest.mark.parametrize("content", ["msgpack", "text"])
def test_every_content_keeps_its_kind(content: str) -> None:
    from msgq.dead_edit import encoded

    letter: Any = SimpleNamespace(content=content, headers={})
    assert encoded(letter, {"body": "new"}, 100)["body"] == (
        msgspec.msgpack.encode("new") if content == "msgpack" else b"new"
    )
    if content == "text":
        with pytest.raises(msgq.PayloadError, match="body is text, got int"):
            encoded(letter, {"body": 1}, 100)


def test_on_sync_it_runs_at_once() -> None:
    app = msgq.App("sync://")
    seen: list[int] = []

    @app.handler(queue="q", retry=msgq.RetryPolicy(1))
    def note(number: int) -> None:
        if number == 0:
            raise ValueError("zero")
        seen.append(number)

    note.enqueue(0)
    (letter,) = app.queue("q").dead()
    app.queue("q").edit_dead(letter.id, headers={"seen": True})
    app.queue("q").redrive_edited(letter.id, body=[3])
    assert seen == [3]
    assert app.queue("q").dead() == []
