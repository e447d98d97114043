"""Wrong names, bodies, arguments and delays: a typed error, and nothing of it is enqueued."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import over_transports

Calls = list[Callable[[], Any]]
LIMIT = 1000


def nothing_was_enqueued(app: msgq.App) -> bool:
    return all(each.sent == 0 for each in app.stats().depth)


def refused(calls: Calls, error: type[msgq.MsgqError], why: str) -> None:
    for call in calls:
        with pytest.raises(error, match=why):
            call()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"), ("x" * 256, "has 256 bytes, at most 255"),
        ("é" * 128, "has 256 bytes, at most 255"),
        ("../x", "reserved part '..' at byte 0"), ("..", "reserved part"), (".", "reserved part"),
        ("a/../b", "reserved part '..' at byte 2"), ("a/.", "reserved part '.' at byte 2"),
        ("a\0b", "control character at byte 1"), ("a\nb", "control"), ("\x7f", "control"),
        ("a\u202eb", "direction character at byte 1"), ("\u200fa", "direction character at byte 0"),
        ("a\u2066", "direction"), (" a", "begins with a space"), ("a ", "ends with a space"),
        ("\ud800", "surrogates"),
    ],
)  # fmt: skip
def test_s1_queue_names_that_are_refused(each_app: msgq.App, name: str, why: str) -> None:
    def handler(n: int) -> None: ...

    calls: Calls = [lambda: each_app.queue(name), lambda: each_app.handler(queue=name)(handler)]
    refused(calls, msgq.ConfigError, why)
    assert each_app.queues() == []
    assert each_app.handlers == {}


@pytest.mark.parametrize(
    "name",
    ["a/b", "/a/", "...", "a/.b", "\U0001f680", "\U0001f468\u200d\U0001f680", "x" * 255, "é" * 127,
     "a.b", "select 1;--", "%s{}"],
)  # fmt: skip
def test_s1_queue_names_that_are_fine_stay_apart(
    any_app: msgq.App, name: str, tmp_path: Path
) -> None:
    any_app.queue(name).enqueue(b"mine")
    any_app.queue("other").enqueue(b"theirs")
    assert [each.body for each in any_app.queue(name).peek()] == [b"mine"]
    assert set(any_app.queues()) == {name, "other"}
    assert all(each.name.startswith("q.db") for each in tmp_path.iterdir())


@over_transports
def test_a_body_over_the_limit_gives_both_sizes(make_app: MakeApp, url: str) -> None:
    app = make_app(url, message_bytes_max=LIMIT)
    queue = app.queue("q")
    ran: list[bytes] = []

    @app.handler(queue="q", name="h")
    def handler(body: bytes) -> None:
        ran.append(body)

    big = b"x" * (LIMIT + 1)
    calls: Calls = [
        lambda: queue.enqueue(big),
        lambda: queue.enqueue("x" * (LIMIT - 1)),
        lambda: queue.enqueue_later(big).wait(5),
        lambda: queue.enqueue_many([b"fits", big]),
        lambda: handler.enqueue(big),
        lambda: handler.enqueue_many([b"fits", big]),
        lambda: asyncio.run(awaited(lambda: queue.aenqueue(big))),
        lambda: asyncio.run(awaited(lambda: handler.aenqueue_many([b"fits", big]))),
    ]
    refused(calls, msgq.PayloadError, rf"{LIMIT + 1} bytes, at most {LIMIT} are allowed")
    assert nothing_was_enqueued(app)
    assert ran == []


async def awaited(make: Callable[[], Any]) -> Any:
    return await make()


def test_arguments_that_do_not_fit(each_app: msgq.App) -> None:
    @each_app.handler(queue="q", name="h")
    def handler(to: str, n: int = 1) -> None: ...

    cases: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((), {}, "handler 'h' missing .*'to'"),
        (("a", 1, 2), {}, "handler 'h' takes .* 3 were given"),
        (("a",), {"m": 2}, "handler 'h' .*unexpected.* 'm'"),
        ((3,), {}, "'to' of handler 'h' must be str, got int"),
        (("a", "b"), {}, "'n' of handler 'h' must be int, got str"),
    ]
    for args, kwargs, why in cases:
        for send in (handler.enqueue, handler.enqueue_later):
            refused([partial(send, *args, **kwargs)], msgq.PayloadError, why)
    many: Calls = [lambda: handler.enqueue_many([("a",), (3,)])]
    refused(many, msgq.PayloadError, "item 1: .*'to' of handler 'h' must be str")
    waited: Calls = [lambda: asyncio.run(awaited(lambda: handler.aenqueue(3)))]  # type: ignore[arg-type]
    refused(waited, msgq.PayloadError, "'to' of handler 'h' must be str")
    assert nothing_was_enqueued(each_app)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("abc", "many messages, not one str; wrap it in a list"),
        (b"abc", "not one bytes"),
        ({"to": "a"}, "not one dict"),
        (5, "a list, or anything to iterate, not int"),
        (None, "not NoneType"),
    ],
)
def test_one_thing_is_not_many(each_app: msgq.App, given: Any, why: str) -> None:
    @each_app.handler(queue="q")
    def typed(to: str) -> None: ...

    @each_app.handler(queue="q")
    def raw(body: bytes) -> None: ...

    senders: Calls = [
        partial(sender.enqueue_many, given) for sender in (typed, raw, each_app.queue("q"))
    ]
    refused(senders, msgq.PayloadError, why)
    assert nothing_was_enqueued(each_app)


def test_objects_that_cannot_be_encoded(each_app: msgq.App) -> None:
    @each_app.handler(queue="q", name="h")
    def handler(value: Any) -> None: ...

    queue = each_app.queue("q")
    wrong, nan = {"a": [1, object()]}, {"a": [1, math.nan]}
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: queue.enqueue(wrong), r"body\['a'\]\[1\] cannot be encoded \(object\)"),
        (lambda: queue.enqueue_many([1, wrong]), r"item 1: body\['a'\]\[1\] cannot be encoded"),
        (lambda: handler.enqueue(wrong), r"h: value\['a'\]\[1\] cannot be encoded \(object\)"),
        (lambda: handler.enqueue_many([(1,), (wrong,)]), r"item 1: h: value\['a'\]\[1\] cannot"),
        (lambda: queue.enqueue(nan), r"body\['a'\]\[1\] is nan, which JSON cannot hold"),
        (lambda: handler.enqueue(nan), r"h: value\['a'\]\[1\] is nan, which JSON cannot hold"),
        (lambda: handler.enqueue_many([(nan,)]), r"item 0: h: value\['a'\]\[1\] is nan"),
        (lambda: queue.enqueue(1, headers={"h": object()}), r"header 'h' must be text, a number"),
    ]
    for call, why in cases:
        refused([call], msgq.PayloadError, why)
    assert nothing_was_enqueued(each_app)


DELAYS: list[tuple[Any, str]] = [
    (-1, "must not be negative"), (timedelta(seconds=-1), "must not be negative"),
    (math.nan, "a finite number"), (math.inf, "a finite number"), (-math.inf, "a finite number"),
    ("inf", "a finite number"), (datetime(2040, 1, 1), "no time zone; pass an aware datetime"),  # noqa: DTZ001
    ("soon", "write a number with one of .* such as"), (True, "text like '10m'"),
    (1e12, "at most 100 years"),
]  # fmt: skip


@pytest.mark.parametrize(("delay", "why"), DELAYS)
def test_senseless_delays(each_app: msgq.App, delay: Any, why: str) -> None:
    @each_app.handler(queue="q")
    def handler(n: int) -> None: ...

    queue = each_app.queue("q")
    calls: Calls = [
        lambda: handler.using(delay=delay),
        lambda: msgq.Retry(delay),
        lambda: msgq.Snooze(delay),
        lambda: queue.enqueue(b"x", delay=delay),
        lambda: queue.enqueue_later(b"x", delay=delay),
        lambda: queue.enqueue_many([b"x"], delay=delay),
        lambda: asyncio.run(awaited(lambda: queue.aenqueue(b"x", delay=delay))),
    ]
    refused(calls, msgq.ConfigError, f"delay .*{why}")
    assert nothing_was_enqueued(each_app)


@pytest.mark.parametrize(("delay", "why"), DELAYS)
def test_a_delivery_survives_a_senseless_delay(any_app: msgq.App, delay: Any, why: str) -> None:
    queue = any_app.queue("q")
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=5)
    calls: Calls = [lambda: delivery.retry(delay), lambda: delivery.snooze(delay)]
    refused(calls, msgq.ConfigError, f"delay .*{why}")
    assert not delivery.is_settled
    delivery.ack()
    assert queue.depth().done == 1


DEEP = b"[" * 100_000 + b"]" * 100_000


def test_json_100_000_deep_is_not_enqueued(each_app: msgq.App) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    @each_app.handler(queue="q", name="h")
    def handler(value: Any) -> None: ...

    queue = each_app.queue("q")
    calls: Calls = [
        lambda: queue.enqueue(deep),
        lambda: queue.enqueue_many([deep]),
        lambda: handler.enqueue(deep),
        lambda: handler.enqueue_many([(deep,)]),
    ]
    refused(calls, msgq.PayloadError, "nested too deeply")
    while deep:
        deep = deep[0]
    assert nothing_was_enqueued(each_app)


def test_json_100_000_deep_that_came_from_elsewhere(any_app: msgq.App) -> None:
    any_app._opened().enqueue_wait("q", "", 1, DEEP)
    (delivery,) = any_app.queue("q").claim(1, wait=5)
    with pytest.raises(msgq.PayloadError, match="nested too deeply"):
        delivery.value()
    assert delivery.body == DEEP
    delivery.reject("too deep")


def test_json_100_000_deep_is_a_dead_letter_of_a_worker(any_app: msgq.App) -> None:
    @any_app.handler(queue="q", name="h")
    def handler(value: Any) -> None: ...

    any_app._opened().enqueue_wait("q", "h", 1, b"[" + DEEP + b"]")
    handler.enqueue("fine")
    run_until_idle(any_app, timeout=20)
    (dead,) = any_app.queue("q").dead()
    assert "nested too deeply" in dead.reason
    assert dead.body == b"[" + DEEP + b"]"
    assert any_app.queue("q").depth().done == 1
