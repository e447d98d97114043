"""What msgq.testing gives to tests of programs that use msgq."""

from __future__ import annotations

import psycopg
import pytest

import msgq
from msgq.testing import (
    context,
    deliveries,
    enqueued,
    memory_app,
    run_until_idle,
    run_worker,
)
from tests.support.postgres import PostgresServer


def test_a_memory_app() -> None:
    with memory_app(concurrency=1) as app:
        assert app.transport == "memory"
        assert app.config["concurrency"] == 1
        app.queue("q").enqueue(b"x")
        assert [each.body for each in enqueued(app)] == [b"x"]
    assert not app.is_open


def test_an_apps_own_store_is_left_alone() -> None:
    app = msgq.App("sqlite:///mine.db", profile="test")
    got: list[int] = []

    @app.handler(queue="q")
    def handler(n: int) -> None:
        got.append(n)

    handler.enqueue(1)
    with memory_app(app) as moved:
        assert moved is app
        assert app.transport == "memory"
        assert enqueued(app) == []
        handler.enqueue(2)
        handler.using(headers={"a": 1}).enqueue(3)
        assert [each.value() for each in enqueued(handler)] == [[2], [3]]
        assert [each.headers for each in enqueued(app, "q")] == [{}, {"a": 1}]
        run_until_idle(app)
        assert sorted(got) == [2, 3]  # by any of the slots
    assert app.transport == "sqlite"
    handler.enqueue(4)
    assert [each.value() for each in enqueued(handler)] == [[1], [4]]
    app.close()


def test_an_apps_settings_need_not_be_right_here(monkeypatch: pytest.MonkeyPatch) -> None:
    app = msgq.App()

    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    monkeypatch.setenv("MSGQ_URL", "pigeon://roof")
    with memory_app(app):
        handler.enqueue(1)
        assert len(enqueued(handler)) == 1
    monkeypatch.setenv("MSGQ_URL", "sqlite:///later.db")  # read when needed, not before
    with memory_app(app):
        assert app.transport == "memory"
    monkeypatch.setenv("MSGQ_URL", "memory://")
    assert app.transport == "memory"


def test_an_apps_unroutable_messages_stay_so() -> None:
    app = msgq.App("sqlite:///mine.db", unroutable="misc")
    with memory_app(app):
        app.enqueue({"a": 1})
        assert len(enqueued(app, "misc")) == 1


def test_a_context_for_plain_calls() -> None:
    ctx = context(queue="q", attempt=3, failures=2, headers={"a": 1}, body={"n": 1}, priority=9)
    assert ctx.priority == 9
    assert (ctx.queue, ctx.attempt, ctx.failures, ctx.headers) == ("q", 3, 2, {"a": 1})
    assert ctx.value() == {"n": 1}
    assert ctx.id.version == 7
    assert ctx.history == []


def test_deliveries_from_no_store() -> None:
    (first, second, third, last), engine = deliveries([b"a", b"b", b"c", b"d"], queue="q")
    first.ack()
    second.retry(5)
    third.reject("no")
    last.extend(5)
    last.snooze(5)
    assert list(engine.settled.values()) == ["ack", "retry", "reject", "snooze"]
    with pytest.raises(msgq.LeaseLostError):
        first.ack()
    assert deliveries([{"n": 1}])[0][0].value() == {"n": 1}


def test_a_worker_for_the_while() -> None:
    got: list[int] = []
    with memory_app() as app:

        @app.handler(queue="q")
        def handler(n: int) -> None:
            got.append(n)

        with run_worker(app) as worker:
            handler.enqueue(1)
            worker.run_until_idle(20)
    assert got == [1]


def test_a_context_commits_what_a_handler_writes(postgres_server: PostgresServer) -> None:
    ctx = context()
    with psycopg.connect(postgres_server.url) as conn:
        conn.execute("create temporary table effect (x int)")
        ctx.ack(conn=conn)
        conn.commit()
        with ctx.transaction(conn):
            conn.execute("insert into effect values (1)")
        conn.rollback()
        assert conn.execute("select count(*) from effect").fetchone() == (1,)
    with pytest.raises(msgq.ConfigError, match="closed"):
        ctx.ack(conn=conn)
