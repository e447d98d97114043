"""MA: how a message gets its key. Asked of the strategies themselves, so on every store alike."""

from __future__ import annotations

import threading
from typing import Any

import msgq
from msgq import Key
from msgq.keys import parse_key

SECONDS = 20.0
STRATEGIES = (
    Key("user"),
    Key("order.user.id"),
    Key("tenant", "user"),
    Key("user", prefix="user-"),
    Key("session") | Key("tenant", "user", prefix="both-") | Key("user"),
    Key(),
)
MESSAGES: tuple[dict[str, Any], ...] = (
    {"user": "ada", "tenant": 7, "order": {"user": {"id": 42}}, "session": "s"},
    {"user": "ada", "tenant": None, "order": {}},
    {"user": "\N{SNOWMAN}" * 100, "tenant": -1},
    {},
)


def all_keys() -> list[str | None]:
    """What every strategy gives for every message."""
    return [each.of(message) for each in STRATEGIES for message in MESSAGES]


def test_ma_key_unknown_field_gives_none(app: msgq.App, name: str) -> None:
    """An unknown field gives no key, and no error."""
    assert Key("unknown").of({"user": "ada"}) is None
    assert Key("user.unknown").of({"user": {"id": 1}}) is None

    @app.handler(queue=name, name=name, key="order.unknown")
    def handler(order: dict[str, int]) -> None: ...

    handler.enqueue({"id": 1})
    handler.enqueue_many([({"id": 1},)])
    assert [each.key for each in app.queue(name).messages()] == [None, None]


def test_ma_key_is_idempotent() -> None:
    """The same message gives the same key twice."""
    assert all_keys() == all_keys()


def test_ma_key_gives_the_full_list() -> None:
    """A strategy gives the full list of keys it reads."""
    assert [each.fields for each in STRATEGIES] == [
        ("user",), ("order.user.id",), ("tenant", "user"), ("user",),
        ("session", "tenant", "user"), (),
    ]  # fmt: skip


def test_ma_key_is_deterministic() -> None:
    """A key depends on the message alone."""
    turned = [dict(reversed(each.items())) for each in MESSAGES]
    for strategy in STRATEGIES:
        for message, other in zip(MESSAGES, turned, strict=True):
            assert strategy.of(message) == strategy.of({**other, "more": object()})


def test_ma_key_output_is_valid() -> None:
    """What a strategy gives is a valid key."""
    given = [each for each in all_keys() if each is not None]
    assert len(given) > 10
    assert [parse_key(each) for each in given] == given


def test_ma_key_is_thread_safe() -> None:
    """Strategies may be asked from any thread."""
    expected, found = all_keys(), []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait(SECONDS)
        found.extend([all_keys() for _ in range(50)])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS)
    assert found == [expected] * 400


def test_ma_key_single_field() -> None:
    """The key of a single field."""
    assert Key("user").of(MESSAGES[0]) == "ada"
    assert Key("order.user.id").of(MESSAGES[0]) == "42"


def test_ma_key_composite() -> None:
    """The key of several fields together."""
    assert Key("tenant", "user").of(MESSAGES[0]) == "7:ada"
    assert Key("tenant", "user").of(MESSAGES[1]) is None


def test_ma_key_fallback() -> None:
    """The first strategy that gives a key wins."""
    chain = STRATEGIES[4]
    assert [chain.of(each) for each in MESSAGES[:2]] == ["s", "ada"]
    assert chain.of({"tenant": 7, "user": "ada"}) == "both-7:ada"


def test_ma_key_no_ordering_rule(app: msgq.App, name: str) -> None:
    """A rule that says no ordering gives no key."""
    assert [Key().of(each) for each in MESSAGES] == [None] * len(MESSAGES)

    @app.handler(queue=name, name=name, key="n")
    def handler(n: int) -> None: ...

    handler.using(key=Key()).enqueue(1)
    assert [each.key for each in app.queue(name).messages()] == [None]


def test_ma_key_none_means_parallel(app: msgq.App, name: str) -> None:
    """No key means parallel: messages without one are handled side by side."""
    together = threading.Barrier(4)

    @app.handler(queue=name, name=name, concurrency=4)
    def meeting(n: int) -> None:
        together.wait(SECONDS)  # passes only once four are inside

    meeting.enqueue_many(range(4))
    with app.worker(concurrency=4) as worker:
        worker.run_until_idle(SECONDS)
    assert app.queue(name).depth().done == 4
