"""Apps and clients: nothing connects before use, closing ends everything, secrets stay hidden."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import msgq
from tests.python.conftest import MakeApp


def test_declaring_never_connects(tmp_path: Path) -> None:
    app = msgq.App("sqlite:///not/there/yet.db")

    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    handler.using(delay=5, headers={"a": 1})
    app.queue("q")
    assert not app.is_open
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(msgq.MsgqError):
        handler.enqueue(1)


def test_the_default_is_a_file_here(tmp_path: Path) -> None:
    with msgq.App(profile="test") as app:
        app.queue("q").enqueue(b"x")
        assert (tmp_path / "msgq.db").exists()
        assert app.transport == "sqlite"


def test_closing_refuses_everything_after(any_app: msgq.App) -> None:
    @any_app.handler(queue="q")
    def handler(n: int) -> None: ...

    queue = any_app.queue("q")
    handler.enqueue(1)
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=5)
    assert any_app.close()
    assert any_app.close()
    assert not any_app.is_open
    calls: list[Any] = [
        lambda: handler.enqueue(1), lambda: handler.enqueue_later(1), lambda: queue.enqueue(b"x"),
        lambda: handler.enqueue_many([1]), lambda: queue.claim(1, wait=1), queue.depth,
        any_app.queues, any_app.stats, delivery.ack, delivery.retry, lambda: delivery.extend(3),
        lambda: any_app.worker().start(), any_app.open,
    ]  # fmt: skip
    for each in calls:
        with pytest.raises(msgq.ClosedError):
            each()


def test_an_app_that_never_opened_closes_too() -> None:
    app = msgq.App("memory://")
    assert app.close()
    with pytest.raises(msgq.ClosedError):
        app.queue("q").enqueue(b"x")


def test_r3_closing_under_full_load_loses_nothing_silently(any_app: msgq.App) -> None:
    """R3: no deadlock, no crash; every accepted message is stored or its receipt says why not."""
    queue = any_app.queue("q")
    started = threading.Barrier(9, timeout=20)
    receipts: list[msgq.Receipt] = []
    unexpected: list[BaseException] = []

    def produce() -> None:
        mine: list[msgq.Receipt] = []
        started.wait()
        try:
            while True:
                mine.append(queue.enqueue_later(b"x" * 100))
        except msgq.ClosedError:
            pass
        except BaseException as error:
            unexpected.append(error)
        receipts.extend(mine)

    threads = [threading.Thread(target=produce) for _ in range(8)]
    for each in threads:
        each.start()
    started.wait()
    while any_app.stats().traffic_of("q").persisted < 1000:
        pass
    any_app.close(30)
    for each in threads:
        each.join(30)
        assert not each.is_alive()
    assert unexpected == []
    assert len(receipts) >= 1000
    statuses = {each.status for each in receipts}
    assert statuses <= {"persisted", "failed", "in_doubt"}
    assert all(each.error is not None for each in receipts if each.status != "persisted")


def test_closing_ends_workers(any_app: msgq.App) -> None:
    @any_app.handler(queue="q")
    def handler(n: int) -> None: ...

    worker = any_app.worker().start()
    any_app.close(5)
    assert not worker.is_running


def test_two_apps_share_a_file(make_app: MakeApp) -> None:
    first, second = make_app("sqlite:///q.db"), make_app("sqlite:///q.db")
    first.queue("q").enqueue(b"x")
    (delivery,) = second.queue("q").claim(1, wait=5)
    delivery.ack()
    assert first.queue("q").depth().done == 1


def test_repr_shows_the_place_and_no_secret() -> None:
    assert repr(msgq.App("memory://?lease=5s")) == "App(memory://?lease=5s)"
    with pytest.raises(msgq.UnsupportedError) as caught:
        msgq.App("amqp://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value)
    assert repr(msgq.App("postgresql://me:hunter2@host/db")) == "App(postgresql://me:***@host/db)"
    assert repr(msgq.App()) == "App(url of the settings)"


def test_queues_have_one_validator(app: msgq.App) -> None:
    assert repr(app.queue("q")) == "Queue('q' of App(memory://))"
    with pytest.raises(msgq.ConfigError, match="is text"):
        app.queue(3)  # type: ignore[arg-type]
    with pytest.raises(msgq.ConfigError, match="surrogates"):
        app.queue("\ud800")


def test_backup(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app("sqlite:///q.db")
    app.queue("q").enqueue(b"x")
    app.backup(tmp_path / "copy.db")
    with msgq.connect("sqlite:///copy.db", profile="test") as copy:
        assert [each.body for each in copy.queue("q").peek()] == [b"x"]
    with pytest.raises(msgq.UnsupportedError):
        make_app().backup("x.db")
