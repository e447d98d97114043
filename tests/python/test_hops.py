"""X8: circles of handlers and rules end; copies and what follows them share a correlation."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from typing import Any

import pytest

import msgq
from msgq._hops import CORRELATION, HOPS
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import behind_pooler

KINDS = ("sync", "async", "batch", "async batch")


@dataclasses.dataclass
class Ball:
    n: int


def play(app: msgq.App, kind: str, queues: tuple[str, ...], send: Any) -> Counter[str]:
    """Declares a handler of each queue that sends on what it gets; counts what each got."""
    got: Counter[str] = Counter()
    batch = msgq.Batch(max_size=10, max_wait=0.001)
    for queue in queues:
        if kind == "sync":

            @app.handler(queue=queue, name="*")
            def one(context: msgq.Context, ball: Ball) -> None:
                got[context.queue] += 1
                send(context.queue, ball)

        elif kind == "async":

            @app.handler(queue=queue, name="*")
            async def one_async(context: msgq.Context, ball: Ball) -> None:
                got[context.queue] += 1
                await send(context.queue, ball)

        elif kind == "batch":

            @app.handler(queue=queue, name="*", batch=batch)
            def some(balls: list[Ball], context: msgq.Context) -> None:
                got[context.queue] += len(balls)
                send(context.queue, balls[0])

        else:

            @app.handler(queue=queue, name="*", batch=batch)
            async def some_async(balls: list[Ball], context: msgq.Context) -> None:
                got[context.queue] += len(balls)
                await send(context.queue, balls[0])

    return got


def work(app: msgq.App) -> None:
    if app.transport != "sync":  # that has run them already
        run_until_idle(app)


@behind_pooler
@pytest.mark.parametrize("kind", KINDS)
def test_x8_a_circle_ends_as_a_dead_letter(
    transport_url: str, make_app: MakeApp, kind: str
) -> None:
    app = make_app(transport_url, hops_max=6)
    app.route(Ball, to="left")
    app.forward("back", to="right")

    def send(queue: str, ball: Ball) -> Any:
        call = app.aenqueue if "async" in kind else app.enqueue
        return call(ball, queue="back") if queue == "left" else call(ball)

    got = play(app, kind, ("left", "right"), send)
    app.enqueue(Ball(1))
    work(app)
    assert got == {"left": 4, "right": 3}  # the first, and six that were sent on
    (letter,) = app.dead()
    assert letter.queue == "left"
    assert letter.error == "msgq.UnroutableError"
    assert "hops_max is 6" in letter.history[-1]["text"]
    assert len(letter.history) == 1  # trying again would not help
    assert letter.headers[HOPS] == 6


def test_x8_a_message_to_its_own_queue_and_its_dead_letter_end(any_app: msgq.App) -> None:
    app = any_app
    app.route(Ball, to="own")
    got = play(app, "sync", ("own",), lambda _, ball: app.enqueue(ball))
    app.enqueue(Ball(1))
    for turn in range(1, 4):
        run_until_idle(app)
        assert got["own"] == 100 + turn  # the default, and the letter once each turn
        assert app.queue("own").depth().dead == 1
        assert app.dead_letters("own").redrive().done == 1


def test_without_a_bound_they_go_on(make_app: MakeApp) -> None:
    app = make_app(hops_max=0)
    app.route(Ball, to="own")
    got = play(app, "sync", ("own",), lambda _, b: b.n < 300 and app.enqueue(Ball(b.n + 1)))
    app.enqueue(Ball(0))
    run_until_idle(app)
    assert got["own"] == 301
    assert app.dead() == []


@behind_pooler
def test_handlers_are_told_the_correlation(each_app: msgq.App) -> None:
    each_app.route(Ball, to=["a", "b"])
    told: list[tuple[object, object]] = []
    for queue in "ab":

        @each_app.handler(queue=queue, name="*")
        def handler(context: msgq.Context, ball: Ball) -> None:
            told.append((context.id, context.headers[CORRELATION]))

    each_app.enqueue(Ball(1))
    work(each_app)
    (one, correlation), (two, same) = told
    assert one != two
    assert correlation == same


@behind_pooler
def test_copies_have_ids_of_their_own_and_one_correlation(any_app: msgq.App) -> None:
    any_app.route(Ball, to=["a", "b"])
    any_app.forward("all", to=["a", "b"])
    receipts = [any_app.enqueue(Ball(1), headers={"h": 1}), any_app.enqueue_later(Ball(2)).wait(5)]
    receipts.append(asyncio.run(aenqueue(any_app)))
    assert len({copy.id for each in receipts for copy in each.copies}) == 6
    any_app.queue("all").enqueue_many([b"4", b"5"], headers=[{"h": 4}, None])
    asyncio.run(aenqueue_many(any_app))
    found = [any_app.queue(queue).peek(10) for queue in "ab"]
    told = [sorted((each.body, each.headers[CORRELATION]) for each in some) for some in found]
    assert told[0] == told[1]
    assert len({correlation for _, correlation in told[0]}) == 7
    assert {each.headers.get("h") for each in found[0]} == {1, 4, None}
    assert all(HOPS not in each.headers for each in found[0])


async def aenqueue(app: msgq.App) -> msgq.Receipt:
    return await app.aenqueue(Ball(3))


async def aenqueue_many(app: msgq.App) -> None:
    await app.queue("all").aenqueue_many([b"6", b"7"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_on_keeps_the_correlation(app: msgq.App, kind: str) -> None:
    app.route(Ball, to=["a", "b"])
    app.forward("next", to="end")

    def send(_: str, ball: Ball) -> Any:
        call = app.aenqueue if "async" in kind else app.enqueue
        return call(ball, queue="next")

    play(app, kind, ("a", "b"), send)
    app.enqueue(Ball(1))
    run_until_idle(app, ["a", "b"])
    one, two = app.queue("end").peek()
    assert one.headers == two.headers == {HOPS: 1, CORRELATION: one.headers[CORRELATION]}


def test_what_no_rule_sends_has_no_such_headers(app: msgq.App) -> None:
    app.route(Ball, to="own")
    app.enqueue(Ball(1))
    app.queue("own").enqueue(Ball(2))
    assert [each.headers for each in app.queue("own").peek()] == [{}, {}]


def test_in_a_transaction_they_get_them_once(postgres_url: str, make_app: MakeApp) -> None:
    import psycopg

    from tests.support.drivers import dsn

    app = make_app(postgres_url)
    app.forward("all", to=["a", "b"])
    app.open()
    with psycopg.connect(dsn(postgres_url)) as conn:
        app.queue("all").enqueue(b"1", conn=conn)
        app.queue("all").enqueue_later(b"2", conn=conn)
    (one, two), again = (app.queue(name).claim(10, wait=5) for name in "ab")
    assert {one.headers[CORRELATION], two.headers[CORRELATION]} == {
        each.headers[CORRELATION] for each in again
    }
