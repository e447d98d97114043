"""Rules: which of them counts, what they match, and which cannot be meant. No store is opened."""

from __future__ import annotations

from typing import Any

import pytest

import msgq
from msgq.routing import Routes, Subject, Target, make_rule, parse_targets

APP = msgq.App("memory://")


class Event:
    """The base of all."""


class Order(Event):
    """One of them."""


class BigOrder(Order):
    """One of these."""


def routes(*rules: Any) -> Routes:
    """Rules, each as what, to, headers, priorities."""
    made = Routes()
    for what, *rest in rules:
        to, headers, priorities = (*rest, None, None, None)[:3]
        made.add(make_rule(APP, what, to, headers, priorities))
    return made


def found(made: Routes, name: str = "", kind: type | None = None, **more: Any) -> list[str]:
    """The queues that a message goes to."""
    return [each.queue for each in made.find(Subject(name, kind, **more))]


def test_the_closest_type_counts_whatever_the_order() -> None:
    made = routes(
        ("*", "rest"), (Event, "events"), (Order, "orders"), ("shop.*", "shop"),
        ("shop.pay*", "pays"), ("shop.pay", "pay"),
    )  # fmt: skip
    assert found(made, "m.Order", Order) == ["orders"]
    assert found(made, "m.BigOrder", BigOrder) == ["orders"]
    assert found(made, "m.Event", Event) == ["events"]
    assert found(made, "shop.pay") == ["pay"]
    assert found(made, "shop.pay_later") == ["pays"]
    assert found(made, "shop.send") == ["shop"]
    assert found(made, "else") == ["rest"]
    assert found(routes((object, "all"), ("m.*", "m")), "m.Order", Order) == ["all"]


def test_headers_go_before_priorities_and_these_before_types() -> None:
    made = routes(
        (Order, "orders"), ("*", None, None, {8: "urgent", "low": "usual"}),
        ("*", "acme", {"tenant": "acme"}),
    )  # fmt: skip
    acme = {"tenant": "acme"}
    assert found(made, "m.Order", Order, priority=9, headers=acme) == ["acme"]
    assert found(made, "m.Order", Order, priority=9, headers={"tenant": "b"}) == ["urgent"]
    assert found(made, "m.Order", Order, priority=7) == ["usual"]
    assert found(made, "m.Order", Order, priority=1) == ["orders"]  # below the table
    assert found(made, "else", priority=1) == []


def test_among_rules_about_headers_type_then_number_then_order() -> None:
    made = routes(
        ("*", "one", {"a": 1}), ("*", "two", {"a": 1, "b": 2}), ("*", "late", {"c": 3}),
        (Order, "order", {"a": 1}),
    )  # fmt: skip
    assert found(made, headers={"a": 1}) == ["one"]
    assert found(made, headers={"a": 1, "b": 2, "c": 3}) == ["two"]
    assert found(made, headers={"c": 3, "a": 1}) == ["one"]
    assert found(made, "m.Order", Order, headers={"a": 1, "b": 2}) == ["order"]


@pytest.mark.parametrize(
    ("wanted", "value", "fits"),
    [
        ("eu", "eu", True), ("eu", "EU", False), ("eu-*", "eu-west", True), ("*", "", True),
        ("*", 7, False), (["eu", "us-*"], "us-east", True), (["eu", "us"], "ap", False),
        (7, 7, True), (7, "7", False), (True, True, True), (True, 1, False), (None, None, True),
        ("a.b", "axb", False),
    ],
)  # fmt: skip
def test_a_header_fits(wanted: object, value: object, fits: bool) -> None:
    made = routes(("*", "q", {"region": wanted}))
    assert found(made, headers={"region": value}) == (["q"] if fits else [])
    assert found(made, headers={}) == []


def test_a_rest_says_nothing_about_handlers_which_have_a_queue() -> None:
    made = routes(("*", "rest"))
    assert found(made, "shop.pay") == ["rest"]
    assert found(made, "shop.pay", has_handler=True) == []
    assert not made.concerns("shop.pay")
    assert routes(("shop.*", "q")).concerns("shop.pay")
    assert not routes((Order, "q"), ("other.*", "q")).concerns("shop.pay")
    assert routes(("*", "q", {"a": 1})).concerns("shop.pay")
    assert routes(("*", None, None, {8: ["a", "b"]})).possible("x") == [Target("a"), Target("b")]


def test_forwards_are_followed_and_each_queue_is_named_once() -> None:
    made = Routes()
    made.forward(Target("orders"), parse_targets(APP, ["billing", "all"]))
    made.forward(Target("all"), parse_targets(APP, ["audit", "billing"]))
    ends = made.expand([Target("orders"), Target("audit")], lambda _: "default")
    assert ends == (Target("billing", "default"), Target("audit", "default"))


@pytest.mark.parametrize(
    ("steps", "circle"),
    [
        ([("a", "a")], "a -> a"),
        ([("a", "b"), ("b", "a")], "b -> a -> b"),
        ([("a", "b"), ("b", ["x", "c"]), ("c", ["y", "a"])], "c -> a -> b -> c"),
    ],
)
def test_a_circle_is_refused_when_it_is_declared(steps: list[Any], circle: str) -> None:
    app = msgq.App("memory://")
    *first, (last, to) = steps
    for source, target in first:
        app.forward(source, to=target)
    with pytest.raises(msgq.ConfigError, match=f"round for ever: {circle}$"):
        app.forward(last, to=to)
    assert Target(last) not in app.routes.forwards
    app.forward(last, to="elsewhere")


def test_a_circle_through_a_transport_by_default_is_seen_when_sent() -> None:
    app = msgq.App(urls={"default": "memory://", "fast": "memory://"})
    app.forward("a", to=app.queue("a", transport="fast"))  # from one transport to another: none
    app.forward(app.queue("a", transport="fast"), to=app.queue("a", transport="default"))
    with app, pytest.raises(msgq.ConfigError, match=r"a \(default\) -> a \(fast\) -> a"):
        app.queue("a").enqueue(b"x")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"to": []}, "no queue"), ({"to": ()}, "no queue"), ({"to": ["a", "a"]}, "one twice"),
        ({}, "needs to="), ({"to": "a", "priorities": {8: "b"}}, "needs to="),
        ({"to": "a", "headers": {}}, "names some"), ({"to": "a", "headers": "b"}, "names some"),
        ({"to": ""}, "name"), ({"to": 7}, "name"),
        ({"priorities": {8: "b"}, "headers": {"a": 1}}, "goes with to="),
        ({"priorities": {}}, "mapping"),
        ({"priorities": {11: "b"}}, "from 1 to 10"), ({"priorities": {8: []}}, "no queue"),
        ({"what": 7, "to": "a"}, "handler, a class or a name"), ({"what": "", "to": "a"}, "a name"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_meant(given: dict[str, Any], why: str) -> None:
    with pytest.raises(msgq.ConfigError, match=why):
        APP.route(**given)
    assert not APP.routes.rules


def test_two_rules_of_a_kind_for_one_type_are_refused() -> None:
    app = msgq.App("memory://")
    app.route(Order, to="a")
    with pytest.raises(msgq.ConfigError, match="'Order' of this kind already"):
        app.route(Order, to="b")
    app.route("*", priorities={8: "a"})
    with pytest.raises(msgq.ConfigError, match="already"):
        app.route("*", priorities={9: "a"})
    app.route(headers={"a": 1}, to="a")
    app.route(headers={"a": 2}, to="a")
    with pytest.raises(msgq.ConfigError, match="already"):
        app.route(headers={"a": 1}, to="b")
    app.forward("q", to="r")
    with pytest.raises(msgq.ConfigError, match="forwarded already"):
        app.forward("q", to="s")
    for wrong in (["s", "t"], [], 7):
        with pytest.raises(msgq.ConfigError):
            app.forward(wrong, to="u")  # type: ignore[arg-type]
    with pytest.raises(msgq.ConfigError, match="another app"):
        app.route(Event, to=APP.queue("q"))
