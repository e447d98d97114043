"""Of several transports each error names its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import msgq
from msgq.receipt import Pending


@pytest.fixture
def app() -> Iterator[msgq.App]:
    """Two stores in memory, one of them strict about its queues."""
    urls = {"default": "memory://", "fast": "memory://?strict_queues=1"}
    with msgq.App(urls=urls, profile="test", queue_transports={"clicks": "fast"}) as made:
        yield made


def test_every_call_names_it(app: msgq.App) -> None:
    queue, why = app.queue("clicks"), r"clicks.*\(transport 'fast'\)$"

    @app.handler(queue="clicks")
    def click(n: int) -> None: ...

    for call in (
        lambda: queue.enqueue(b"x"),
        lambda: queue.enqueue({"x": 1}),
        lambda: queue.enqueue(b"x", headers={"a": 1}),
        lambda: queue.enqueue_later(b"x").wait(5),
        lambda: queue.enqueue_many([b"x"]),
        lambda: asyncio.run(queue.aenqueue(b"x")),
        lambda: queue.delete(),
        lambda: queue.purge(),
        lambda: click.enqueue(1),
        lambda: click.using(delay=1).enqueue(1),
    ):
        with pytest.raises(msgq.NotFoundError, match=why):
            call()


def test_a_receipt_tells_its_error_once_named(app: msgq.App) -> None:
    receipt = app.queue("clicks").enqueue_later(b"x")
    with pytest.raises(msgq.NotFoundError):
        receipt.wait(5)
    assert receipt.status == "failed"
    assert str(receipt.error).count("(transport 'fast')") == 1
    assert str(receipt.error) == str(receipt.error)


def test_what_cannot_be_opened_names_it() -> None:
    app = msgq.App(urls={"default": "memory://", "far": "sqlite:////nowhere/at/all.db"})
    with app, pytest.raises(msgq.MsgqError, match=r"nowhere.*\(transport 'far'\)$"):
        app.queue("q", transport="far").enqueue(b"x")


def test_one_transport_has_the_engine_itself() -> None:
    with msgq.App("memory://", profile="test") as app:
        assert type(app._opened()).__module__ == "msgq._core"
        held: Any = app.queue("q").enqueue_later(b"x")._pending
        assert isinstance(held, Pending)
        assert type(held.core).__module__ == "msgq._core"
