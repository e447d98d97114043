"""Messages that no rule fits, made dead letters at once (unroutable=dead)."""

from __future__ import annotations

import asyncio
import threading

import psycopg
import pytest

import msgq
from msgq._unroutable import QUEUE, REASON
from tests.python.conftest import MakeApp
from tests.support.drivers import dsn
from tests.support.stores import behind_pooler


@pytest.fixture
def dead_app(store_url: str, make_app: MakeApp) -> msgq.App:
    """An app on each store."""
    return make_app(store_url, unroutable="dead")


@behind_pooler
def test_it_is_a_dead_letter_when_enqueue_returns(dead_app: msgq.App) -> None:
    receipt = dead_app.enqueue({"a": 1}, headers={"h": 2})
    (letter,) = dead_app.dead()
    assert (letter.id, letter.queue, letter.value()) == (receipt.id, QUEUE, {"a": 1})
    assert (letter.reason, letter.headers) == (REASON, {"h": 2})
    assert receipt.status == "persisted"
    dead_app.enqueue_later({"a": 2})
    asyncio.run(_aenqueue(dead_app))
    assert dead_app.queue(QUEUE).depth().dead == 3
    assert dead_app.queue(QUEUE).depth().depth == 0


async def _aenqueue(app: msgq.App) -> None:
    await app.aenqueue({"a": 3})


def test_what_a_crash_left_waiting_goes_with_the_next(dead_app: msgq.App) -> None:
    left = dead_app.queue(QUEUE).enqueue({"a": 1}).id
    dead_app.enqueue({"a": 2})
    assert left in {each.id for each in dead_app.dead()}
    assert dead_app.queue(QUEUE).depth().depth == 0


def test_many_at_a_time(dead_app: msgq.App) -> None:
    threads = [
        threading.Thread(target=lambda: [dead_app.enqueue({"a": n}) for n in range(5)])
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    depth = dead_app.queue(QUEUE).depth()
    assert (depth.dead, depth.depth) == (20, 0)


def test_conn_does_not_go_with_it(postgres_url: str, make_app: MakeApp) -> None:
    app = make_app(postgres_url, unroutable="dead")
    with (
        psycopg.connect(dsn(postgres_url)) as conn,
        pytest.raises(msgq.UnsupportedError, match="unroutable=dead"),
    ):
        app.enqueue({"a": 1}, conn=conn)


def test_sync_cannot(make_app: MakeApp) -> None:
    with pytest.raises(msgq.UnsupportedError):
        make_app("sync://", unroutable="dead").enqueue({"a": 1})
