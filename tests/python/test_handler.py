"""Handlers: plain functions to call, typed messages to send, options for single calls."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime
from typing import Any

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import over_transports


@dataclasses.dataclass
class Click:
    url: str
    n: int = 0


def test_calling_a_handler_is_a_plain_function_call() -> None:
    app = msgq.App("sqlite:////nowhere/at/all.db")

    @app.handler(queue="q")
    def double(n: int, *, times: int = 2) -> int:
        """Doubles."""
        return n * times

    assert double(4) == 8
    assert double(4, times=3) == 12
    assert double.__doc__ == "Doubles."
    assert double.function.__name__ == "double"
    assert double.__wrapped__ is double.function
    assert not app.is_open
    assert "double" in repr(double)


def test_a_name_is_module_and_qualified_name_unless_given(app: msgq.App) -> None:
    @app.handler()
    def one(n: int) -> None: ...

    @app.handler(name="two")
    def two(n: int) -> None: ...

    assert one.name.endswith("test_a_name_is_module_and_qualified_name_unless_given.<locals>.one")
    assert one.name.startswith(__name__)
    assert (two.name, two.queue) == ("two", "default")
    assert set(app.handlers) == {one.name, "two"}


def test_every_way_to_enqueue(any_app: msgq.App) -> None:
    got: list[tuple[str, int]] = []

    @any_app.handler(queue="q")
    def handler(url: str, n: int = 0) -> None:
        got.append((url, n))

    async def main() -> None:
        await handler.aenqueue("e", n=5)
        await handler.aenqueue_many([("f", 6), {"url": "g", "n": 7}])
        await handler.using(headers={"x": 1}).aenqueue("h", 8)

    handler.enqueue("a")
    handler.enqueue_later("b", 2).wait(20)
    handler.enqueue_many([("c", 3), ("d",)])
    handler.enqueue_many_later([("i", 9)]).wait(20)
    asyncio.run(main())
    run_until_idle(any_app)
    assert sorted(got) == [("a", 0), ("b", 2), ("c", 3), ("d", 0), ("e", 5), ("f", 6), ("g", 7),
                           ("h", 8), ("i", 9)]  # fmt: skip


def test_options_of_a_call(any_app: msgq.App) -> None:
    seen: list[dict[str, Any]] = []

    @any_app.handler(queue="q")
    def handler(n: int, ctx: msgq.Context) -> None:
        seen.append({"n": n, "headers": dict(ctx.headers), "attempt": ctx.attempt})

    prepared = handler.using(headers={"tenant": "a"})
    prepared.enqueue(1)  # type: ignore[call-arg]
    prepared.enqueue(2)  # type: ignore[call-arg]
    handler.using(delay="1h").enqueue(3)  # type: ignore[call-arg]
    run_until_idle(any_app)
    seen.sort(key=lambda each: int(each["n"]))
    assert seen == [{"n": n, "headers": {"tenant": "a"}, "attempt": 1} for n in (1, 2)]
    assert any_app.queue("q").depth().parked == 1


def test_a_context_tells_about_the_message(app: msgq.App) -> None:
    seen: list[Any] = []

    @app.handler(queue="q", name="h", retry=msgq.RetryPolicy(3, base=0))
    def handler(ctx: msgq.Context, n: int) -> None:
        seen.append((ctx.id, ctx.queue, ctx.handler, ctx.attempt, ctx.failures, ctx.value()))
        assert ctx.fence > 0
        assert not ctx.is_lost
        assert ctx.enqueued_at is not None
        assert ctx.body == b"[7]"
        assert len(ctx.history) == ctx.failures
        assert str(ctx.id) in repr(ctx)
        if ctx.attempt == 1:
            raise ValueError

    receipt = handler.enqueue(7)
    run_until_idle(app)
    assert seen == [
        (receipt.id, "q", "h", 1, 0, [7]),
        (receipt.id, "q", "h", 2, 1, [7]),
    ]


def test_batch_handlers_take_items(any_app: msgq.App) -> None:
    got: list[Click] = []

    @any_app.handler(queue="q", batch=msgq.Batch(max_size=10, max_wait="1ms"))
    def handler(clicks: list[Click]) -> int:
        assert 1 <= len(clicks) <= 10
        got.extend(clicks)
        return len(clicks)

    assert handler([Click("direct")]) == 1
    handler.enqueue(Click("a"))
    handler.enqueue_many([Click("b", n) for n in range(30)])
    run_until_idle(any_app)
    # two threads take turns; within a list the order is that of the enqueue
    assert sorted(got, key=repr) == sorted(
        [Click("direct"), Click("a"), *(Click("b", n) for n in range(30))], key=repr
    )


def test_raw_batches(app: msgq.App) -> None:
    got: list[bytes] = []

    @app.handler(queue="q", batch=msgq.Batch(10))
    def handler(bodies: list[bytes]) -> None:
        got.extend(bodies)

    handler.enqueue(b"\xff")
    handler.enqueue_many([b"a", b"b"])
    run_until_idle(app)
    assert got == [b"\xff", b"a", b"b"]


@pytest.mark.parametrize(
    "options",
    [
        {"delay": -1}, {"delay": float("nan")}, {"delay": float("inf")},
        {"delay": datetime(2040, 1, 1)}, {"delay": "soon"}, {"retry": 0}, {"retry": True},  # noqa: DTZ001
        {"retry": 1.5}, {"prioriti": 3},
    ],
)  # fmt: skip
def test_senseless_options_are_refused_at_once(app: msgq.App, options: dict[str, Any]) -> None:
    @app.handler()
    def handler(n: int) -> None: ...

    with pytest.raises(msgq.ConfigError):
        handler.using(**options)


@over_transports
def test_unknown_options_name_the_nearest(make_app: MakeApp, url: str) -> None:
    app = make_app(url)

    @app.handler()
    def handler(n: int) -> None: ...

    calls: list[Any] = [handler.using, lambda **o: app.queue("q").enqueue(b"x", **o)]
    for call in calls:
        with pytest.raises(msgq.ConfigError, match=r"unknown option deduped=; did you mean dedup="):
            call(deduped="x")


@pytest.mark.parametrize("url", ["memory://", "sync://", "sqlite:///store.db"])
def test_conn_is_of_postgresql_alone(make_app: MakeApp, url: str) -> None:
    app = make_app(url)

    @app.handler()
    def handler(n: int) -> None: ...

    calls: list[Any] = [handler.using, lambda **o: app.queue("q").enqueue(b"x", **o)]
    for call in calls:
        with pytest.raises(msgq.UnsupportedError, match=f"conn= .*{app.transport} transport"):
            call(conn="x")


def test_what_cannot_be_a_handler_is_refused_when_declared(app: msgq.App) -> None:
    def single(n: int) -> None: ...
    def generator(n: int) -> Any:
        yield n

    async def agenerator(n: int) -> Any:
        yield n

    wrong: list[tuple[dict[str, Any], Any, str]] = [
        ({}, generator, "generator"),
        ({}, agenerator, "generator"),
        ({"batch": msgq.Batch()}, single, "list"),
        ({"batch": 100}, single, "msgq.Batch"),
        ({"retry": 3}, single, "RetryPolicy"),
        ({"timeout": -1}, single, "timeout"),
        ({"concurrency": 0}, single, "concurrency"),
        ({"queue": ".."}, single, "queue"),
        ({"name": ""}, single, "name"),
        ({"name": "a\n"}, single, "name"),
    ]
    for options, function, word in wrong:
        with pytest.raises(msgq.ConfigError, match=word):
            app.handler(**options)(function)
    with pytest.raises(msgq.ConfigError, match="parentheses"):
        app.handler(queue=single)  # type: ignore[call-overload]
    assert app.handlers == {}


def test_batch_settings() -> None:
    assert repr(msgq.Batch(5, "1s")) == "Batch(max_size=5, max_wait=1)"
    for wrong in ({"max_size": 0}, {"max_size": 10**6}, {"max_size": 1.5}, {"max_wait": -1}):
        with pytest.raises(msgq.ConfigError):
            msgq.Batch(**wrong)
