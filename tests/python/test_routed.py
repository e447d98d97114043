"""An app that sends by rules: messages that name no queue, handlers, forwarded queues."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator

import pytest

import msgq
from msgq import codec
from msgq.testing import enqueued, memory_app, run_until_idle
from tests.support.stores import behind_pooler

URLS = {"default": "sqlite:///q.db", "fast": "memory://"}


@dataclasses.dataclass
class Order:
    n: int


class BigOrder(Order):
    """A kind of them."""


@pytest.fixture
def two() -> Iterator[msgq.App]:
    """A file and a memory."""
    with msgq.App(urls=URLS, profile="test", queue_transports={"clicks": "fast"}) as made:
        yield made


def held(app: msgq.App) -> dict[tuple[str, str], int]:
    """How much waits where."""
    return {(each.transport, each.queue): each.waiting for each in app.stats().depth}


@behind_pooler
def test_a_message_goes_where_its_class_says(any_app: msgq.App) -> None:
    any_app.route(Order, to="orders")
    got: list[Order] = []

    @any_app.handler(queue="orders", name="*")
    def handle(order: Order) -> None:
        got.append(order)

    any_app.enqueue(Order(1))
    any_app.enqueue_later(BigOrder(2), headers={"a": 1}).wait(5)
    asyncio.run(_aenqueue(any_app, Order(3)))
    (first, second, _) = any_app.queue("orders").peek()
    assert first.handler == f"{__name__}.Order"
    assert (second.handler, second.headers) == (f"{__name__}.BigOrder", {"a": 1})
    run_until_idle(any_app)
    assert sorted(each.n for each in got) == [1, 2, 3]


async def _aenqueue(app: msgq.App, message: object) -> msgq.Receipt:
    return await app.aenqueue(message)


@behind_pooler
def test_headers_and_priorities_decide_before_types(each_app: msgq.App) -> None:
    got: list[tuple[str, int]] = []
    for queue in ("eu", "urgent", "orders"):

        @each_app.handler(queue=queue, name="*")
        def handle(context: msgq.Context, order: Order) -> None:
            got.append((context.queue, order.n))

    each_app.route(Order, to="orders")
    each_app.route(Order, priorities={"high": "urgent"})
    each_app.route(headers={"region": ["eu", "eu-*"]}, to="eu")
    each_app.enqueue(Order(1))
    each_app.enqueue(Order(2), priority=9)
    each_app.enqueue(Order(3), priority=9, headers={"region": "eu-west"})
    if each_app.transport != "sync":  # that has run them already
        run_until_idle(each_app)
    assert sorted(got) == [("eu", 3), ("orders", 1), ("urgent", 2)]


@behind_pooler
def test_a_copy_goes_to_each_queue(each_app: msgq.App) -> None:
    got: list[str] = []
    for queue in ("parcels", "audit"):

        @each_app.handler(queue=queue, name="*")
        def handle(context: msgq.Context, order: Order) -> None:
            got.append(context.queue)

    each_app.route(Order, to=["parcels", "audit"])
    each_app.forward("all", to=["parcels", "audit"])
    for receipt in (each_app.enqueue(Order(1)), each_app.queue("all").enqueue(Order(2))):
        assert [each.status for each in receipt.copies] == ["persisted"] * 2
    if each_app.transport != "sync":  # that has run them already
        run_until_idle(each_app)
    assert sorted(got) == ["audit", "audit", "parcels", "parcels"]


@behind_pooler
def test_one_app_has_several_stores(transport_url: str) -> None:
    got: list[str] = []
    urls = {"default": transport_url, "fast": "memory://"}
    with msgq.App(urls=urls, profile="test", queue_transports={"clicks": "fast"}) as app:
        for queue in ("mails", "clicks"):

            @app.handler(queue=queue, name=queue)
            def handle(context: msgq.Context, n: int) -> None:
                got.append(context.queue)

            handle.enqueue(1)
        run_until_idle(app)
        assert sorted(got) == ["clicks", "mails"]
        assert app.at("fast").queues() == ["clicks"]


def test_a_class_may_say_it_itself(app: msgq.App) -> None:
    @app.message(to=["parcels", "audit"])
    @dataclasses.dataclass
    class Parcel:
        n: int

    assert Parcel(1).n == 1
    assert len(app.enqueue(Parcel(1)).copies) == 2
    with pytest.raises(msgq.ConfigError, match=r"rule for .*Parcel' of this kind already"):
        app.route(Parcel, to="a")


def test_plain_values_have_classes_too(app: msgq.App) -> None:
    app.route(dict, to="objects")
    app.route(bytes, to="raw")
    app.enqueue({"a": 1}, priority=8)
    app.enqueue(b"x")
    (one,), (two,) = app.queue("objects").peek(), app.queue("raw").peek()
    assert (one.value(), one.handler, one.priority) == ({"a": 1}, "", 8)
    assert (two.body, two.handler) == (b"x", "")


def test_a_body_is_encoded_once_however_many_targets(
    two: msgq.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    count: list[object] = []

    def counting(value: object) -> bytes:
        count.append(value)
        return plain(value)

    plain = codec.encode_json
    monkeypatch.setattr(codec, "encode_json", counting)
    two.route(Order, to=["a", "b", "c", "clicks"])
    receipts = [two.enqueue(Order(1)), two.enqueue_later(Order(1)).wait(5)]
    receipts.append(asyncio.run(_aenqueue(two, Order(1))))
    assert [each for each in count if each == Order(1)] == [Order(1)] * 3
    assert len(count) == 6  # and the headers of each once
    for each in receipts:
        assert (each.status, len(each.copies)) == ("persisted", 4)
        assert len({copy.id for copy in each.copies}) == 4
    assert held(two) == {("default", "a"): 3, ("default", "b"): 3, ("default", "c"): 3,
                         ("fast", "clicks"): 3}  # fmt: skip


def test_an_explicit_queue_asks_no_rule(two: msgq.App) -> None:
    two.route(Order, to="orders")
    two.enqueue(Order(1), queue="mine")
    two.enqueue(Order(1), queue="mine", transport="fast")
    two.queue("other").enqueue(Order(1))
    with pytest.raises(msgq.ConfigError, match="transport= needs queue="):
        two.enqueue(Order(1), transport="fast")
    with pytest.raises(msgq.ConfigError, match="did you mean 'fast'"):
        two.enqueue(Order(1), queue="mine", transport="fats")
    assert held(two) == {("default", "mine"): 1, ("fast", "mine"): 1, ("default", "other"): 1}


def test_handlers_are_sent_by_rules(two: msgq.App) -> None:
    got: list[tuple[str, int]] = []

    @two.handler(queue=["mails", "urgent", "acme"], name="shop.mail")
    def mail(context: msgq.Context, n: int) -> None:
        got.append((context.queue, n))

    @two.handler(queue="rest", name="else")
    def other(n: int) -> None: ...

    mail.enqueue(0)
    early = mail.using(priority=9)
    two.route("*", to="nowhere")  # of handlers only what says more than that
    two.route("shop.*", priorities={8: "urgent"})
    two.route(mail, headers={"tenant": "acme"}, to="acme")
    mail.enqueue(1)
    mail.using(priority="high").enqueue(2)
    mail.using(priority="high", headers={"tenant": "acme"}).enqueue_many([3, 4])
    mail.using(priority=10, queue="mails").enqueue(5)
    asyncio.run(_all(mail))
    early.enqueue(8)  # made before the rules
    other.using(priority=9).enqueue(9)
    run_until_idle(two)
    assert sorted(got, key=lambda each: each[1]) == [
        ("mails", 0), ("mails", 1), ("urgent", 2), ("acme", 3), ("acme", 4), ("mails", 5),
        ("urgent", 6), ("mails", 7), ("mails", 8),
    ]  # fmt: skip
    assert two.queue("rest").depth().done == 1


async def _all(mail: msgq.Handler[[int], None]) -> None:
    await mail.using(priority=8).aenqueue(6)
    await mail.aenqueue(7)


def test_a_handlers_own_priority_counts_for_rules(app: msgq.App) -> None:
    @app.handler(queue="q", name="h", priority="critical")
    def handler(n: int) -> None: ...

    app.route(priorities={"critical": "top"})
    handler.enqueue(1)
    handler.using(priority=1).enqueue(2)
    assert [app.queue(name).depth().waiting for name in ("top", "q")] == [1, 1]


def test_rules_may_come_before_handlers_and_after_messages(app: msgq.App) -> None:
    app.route("first", to="a")

    @app.handler(queue="q", name="first")
    def first(n: int) -> None: ...

    @app.handler(queue="q", name="second")
    def second(n: int) -> None: ...

    first.enqueue(1)
    second.enqueue(1)
    app.route("second", to=["b", "c"])
    second.enqueue(2)
    assert second.enqueue_many([3, 4]).counts() == {"persisted": 4}
    assert {each.queue: each.waiting for each in app.stats().depth} == {
        "a": 1, "q": 1, "b": 3, "c": 3,
    }  # fmt: skip


def test_using_names_only_what_the_handler_is_for(two: msgq.App) -> None:
    @two.handler(queue="q", transport=["default", "fast"], name="both")
    def both(n: int) -> None: ...

    @two.handler(queue="q", name="one")
    def one(n: int) -> None: ...

    both.enqueue(1)
    both.using(transport="fast").enqueue(2)
    assert held(two) == {("default", "q"): 1, ("fast", "q"): 1}
    assert len(enqueued(both)) == 2
    with pytest.raises(msgq.ConfigError, match=r"is for transport default, not for 'fast'.*\["):
        one.using(transport="fast")
    with pytest.raises(msgq.ConfigError, match="did you mean 'fast'"):
        one.using(transport="fats")
    with pytest.raises(msgq.ConfigError, match="not for queue 'r'"):
        one.using(queue="r")
    for wrong in ([], ["a", "a"]):
        with pytest.raises(msgq.ConfigError, match="names none, or one twice"):
            two.handler(queue=wrong, name="x")(one.function)
        with pytest.raises(msgq.ConfigError, match="names none, or one twice"):
            two.handler(transport=wrong, name="x")(one.function)


def test_a_forwarded_queue_passes_on_whatever_is_sent_there(two: msgq.App) -> None:
    @two.handler(queue="events", name="h")
    def handler(n: int) -> None: ...

    two.forward("events", to=["a", two.queue("b", transport="fast")])
    two.route(Order, to="events")
    queue = two.queue("events")
    queue.enqueue(b"1")
    queue.enqueue({"n": 2}, headers={"a": 1})
    queue.enqueue_later(b"3").wait(5)
    assert len(queue.enqueue_many([b"4", b"5"])) == 4
    asyncio.run(_events(queue))
    two.enqueue(Order(7))
    handler.enqueue(8)
    assert held(two) == {("default", "a"): 10, ("fast", "b"): 10}
    assert queue.depth().sent == 0
    assert two.queue("a").depth().waiting == 10  # not forwarded: a queue like others


async def _events(queue: msgq.Queue) -> None:
    await queue.aenqueue(b"6")
    await queue.aenqueue_many([b"x", b"y"])


def test_nobody_knows_where_it_goes(app: msgq.App) -> None:
    with pytest.raises(msgq.UnroutableError, match=r"Order.*there are none"):
        app.enqueue(Order(1))
    app.route(BigOrder, to="big")
    why = rf"no rule says where '{__name__}.Order'.*BigOrder.*did you mean"
    for call in (app.enqueue, app.enqueue_later, lambda each: asyncio.run(_aenqueue(app, each))):
        with pytest.raises(msgq.UnroutableError, match=why):
            call(Order(1))
    with pytest.raises(msgq.NotFoundError):  # it is one
        app.enqueue({"a": 1})
    assert app.queues() == []


def test_what_nobody_knows_may_have_a_queue(make_app: type) -> None:
    app: msgq.App = make_app(unroutable="misc")
    app.forward("misc", to="archive")
    app.enqueue(Order(1))
    assert app.queue("archive").peek()[0].value() == {"n": 1}


def test_memory_app_moves_every_transport(two: msgq.App) -> None:
    @two.handler(queue="clicks", name="click")
    def click(n: int) -> None: ...

    click.enqueue(1)
    with memory_app(two) as app:
        assert {str(url) for url in app.config.urls.values()} == {"memory://"}
        click.enqueue(2)
        two.queue("mails").enqueue(b"x")
        assert held(app) == {("fast", "clicks"): 1, ("default", "mails"): 1}
        run_until_idle(app)
    assert held(two) == {("fast", "clicks"): 1}
    assert two.transport == "sqlite"
