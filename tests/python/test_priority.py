"""Priorities: as people write them, from the call to the handler, in the order they are served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import msgq
import msgq.testing
from msgq.priority import NAMES, parse_priority
from tests.support.cli import call
from tests.support.stores import behind_pooler


@pytest.mark.parametrize(
    ("said", "means"),
    [(None, 5), (1, 1), (10, 10), ("7", 7), (" High ", 8), *NAMES.items()],
)
def test_what_people_write(said: Any, means: int) -> None:
    assert parse_priority(said) == means


@pytest.mark.parametrize("said", [0, 11, -1, 5.0, True, "urgent", "", "0", [5]])
def test_what_is_no_priority_is_refused_with_the_range(said: Any, any_app: msgq.App) -> None:
    with pytest.raises(msgq.ConfigError, match=r"from 1 to 10, or one of low, normal, high"):
        any_app.queue("q").enqueue(b"x", priority=said)
    assert any_app.queue("q").depth().sent == 0


def claimed(queue: msgq.Queue) -> list[tuple[Any, int]]:
    """Everything, one claim after another."""
    out = []
    while found := queue.claim(wait=0.05):
        out.append((found[0].value(), found[0].priority))
        found[0].ack()
    return out


@behind_pooler
def test_the_more_urgent_is_handed_out_first(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue("normal")
    queue.enqueue("low", priority="low")
    queue.enqueue("critical", priority="critical")
    queue.enqueue_later("nine", priority=9).wait()
    queue.enqueue_many(["one", "two"], priority=8)
    assert claimed(queue) == [
        ("critical", 10), ("nine", 9), ("one", 8), ("two", 8), ("normal", 5), ("low", 2),
    ]  # fmt: skip


def test_its_async_twins_take_it_too(any_app: msgq.App) -> None:
    queue = any_app.queue("q")

    async def send() -> None:
        await asyncio.gather(queue.aenqueue("a"), queue.aenqueue("b", priority=9))
        await queue.aenqueue_many(["c"], priority=10)

    asyncio.run(send())
    assert [body for body, _ in claimed(queue)] == ["c", "b", "a"]


@behind_pooler
def test_a_handler_has_one_for_its_messages_and_a_call_another(any_app: msgq.App) -> None:
    seen: list[tuple[str, int]] = []

    @any_app.handler(queue="q", priority="high", concurrency=1)
    def note(context: msgq.Context, text: str) -> None:
        seen.append((text, context.priority))

    note.using(priority=1).enqueue("last")
    note.enqueue("by the handler")
    note.using(headers={"a": 1}).enqueue("so too")
    note.enqueue_many([("many",)])
    note.using(priority="critical").enqueue("first")
    msgq.testing.run_until_idle(any_app)
    assert sorted(seen) == sorted(
        [("last", 1), ("by the handler", 8), ("so too", 8), ("many", 8), ("first", 10)]
    )
    assert (seen[0][0], seen[-1][0]) == ("first", "last")


def test_options_ask_for_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made while a module is imported, before it is known where its messages go."""
    app = msgq.App()

    @app.handler(queue="q")
    def note(text: str) -> None: ...

    later = note.using(delay="1h", priority=9, ttl="2h")
    monkeypatch.setenv("MSGQ_URL", "memory://")
    later.enqueue("x")
    assert app.transport == "memory"
    app.close()
    with pytest.raises(msgq.ConfigError, match="from 1 to 10"):
        note.using(priority=0)


def test_a_handler_of_no_priority_is_refused_as_it_is_declared(app: msgq.App) -> None:
    with pytest.raises(msgq.ConfigError, match="from 1 to 10"):
        app.handler(priority="urgent")(print)


def test_it_stays_with_a_message_that_failed_died_and_was_redriven(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue("x", priority=9)
    queue.claim()[0].retry(0)
    queue.claim(wait=10)[0].reject("no")
    assert queue.dead()[0].priority == 9
    queue.redrive()
    assert claimed(queue) == [("x", 9)]


def test_the_command_line_says_it_and_shows_it(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/q.db"
    assert call("enqueue", "q", "1", "--priority", "high", "--url", url).status == 0
    assert '"priority": 8' in call("messages", "q", "--url", url, "--json").out
    bad = call("enqueue", "q", "1", "--priority", "urgent", "--url", url)
    assert bad.status != 0
    assert "from 1 to 10" in bad.err
