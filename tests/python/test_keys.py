"""Keys: what is one, how calls get theirs, what they do not go with, and where they are told."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import enum
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pydantic
import pytest

import msgq
from msgq import Key
from msgq.keys import BYTES_MAX, parse_key, parse_rule
from msgq.testing import context
from tests.python.conftest import MakeApp
from tests.support.stores import on_postgres_too

APP_STORES = ("memory://", "sqlite:///q.db")


@dataclasses.dataclass
class User:
    id: int | None
    name: str = ""


class Order(pydantic.BaseModel):
    user: User
    tenant: str | None = None


class Packet(msgspec.Struct):
    order: Order


class Colour(enum.Enum):
    RED = "red"


def keys_of(app: msgq.App, queue: str = "q") -> list[str | None]:
    """The keys of what waits, in the order of their bodies."""
    found = app.queue(queue).messages()
    return [each.key for each in sorted(found, key=lambda each: each.id)]


# --- what is a key ---


@pytest.mark.parametrize("key", ["a", "user-42", "ключ", "a" * BYTES_MAX, " ", "1"])
def test_text_is_a_key(key: str) -> None:
    assert parse_key(key) == key


def test_none_is_no_key() -> None:
    assert parse_key(None) == ""


WRONG: list[tuple[Any, str]] = [
    (7, "text, not int"), (b"a", "text, not bytes"), (True, "text, not bool"),
    ("", "from 1 to 512 bytes"), ("a" * 513, "from 1 to 512 bytes.* has 513"),
    ("é" * 257, "has 514"), ("a\ud800", "lone surrogates"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "why"), WRONG)
def test_what_is_no_key_is_refused_and_nothing_is_enqueued(
    app: msgq.App, key: Any, why: str
) -> None:
    queue = app.queue("q")
    for call in (queue.enqueue, queue.enqueue_later):
        with pytest.raises(msgq.ConfigError, match=why):
            call(b"x", key=key)
    with pytest.raises(msgq.ConfigError, match=why):
        queue.enqueue_many([b"x"], key=key)
    with pytest.raises(msgq.ConfigError, match=f"item 1: .*{why}"):
        queue.enqueue_many([b"x", b"y"], key=["good", key])
    with pytest.raises(msgq.ConfigError, match=why):
        asyncio.run(queue.aenqueue(b"x", key=key))
    assert queue.depth().sent == 0


@pytest.mark.parametrize(
    ("others", "why"),
    [({"delay": 1}, "key= and delay="), ({"priority": "high"}, "key= and priority=")],
)
def test_what_would_break_the_order_is_refused(
    app: msgq.App, others: dict[str, Any], why: str
) -> None:
    @app.handler(queue="q", key="n")
    def ordered(n: int) -> None: ...

    @app.handler(queue="q")
    def plain(n: int) -> None: ...

    queue = app.queue("q")
    calls: list[Callable[[], Any]] = [
        lambda: queue.enqueue(b"x", key="a", **others),
        lambda: queue.enqueue_many([b"x"], key="a", **others),
        lambda: queue.enqueue_many([b"x", b"y"], key=[None, "a"], **others),
        lambda: plain.using(key="a", **others),
        lambda: plain.using(key=Key("n"), **others),
        lambda: ordered.using(**others),
    ]
    for call in calls:
        with pytest.raises(msgq.ConfigError, match=why):
            call()
    queue.enqueue_many([b"x"], key=[None], **others)
    ordered.using(key=Key(), **others).enqueue(1)
    assert queue.depth().sent == 2


def test_a_connection_of_ones_own_does_not_go_with_it(make_app: MakeApp) -> None:
    app = make_app("postgresql://nobody@nowhere.invalid/x")  # never connected to
    with pytest.raises(msgq.UnsupportedError, match="key= does not go with conn="):
        app.queue("q").enqueue(b"x", key="a", conn=object())


def test_a_handler_with_a_key_and_a_priority_is_refused_as_it_is_declared(app: msgq.App) -> None:
    def handler(n: int) -> None: ...

    with pytest.raises(msgq.ConfigError, match="key= and priority="):
        app.handler(key="n", priority="high")(handler)
    assert app.handlers == {}


# --- how arguments give one ---


ARGUMENTS: dict[str, Any] = {
    "user_id": 42, "none": None, "empty": "", "text": "x", "colour": Colour.RED,
    "day": datetime.date(2030, 1, 2), "id": uuid.UUID(int=1), "zero": 0,
    "order": {"user": {"id": 7}}, "packet": Packet(Order(user=User(8), tenant="acme")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "gives"),
    [
        (Key("user_id"), "42"),
        (Key("zero"), "0"),
        (Key("text"), "x"),
        (Key("colour"), "red"),
        (Key("day"), "2030-01-02"),
        (Key("id"), "00000000-0000-0000-0000-000000000001"),
        (Key("order.user.id"), "7"),
        (Key("packet.order.user.id"), "8"),
        (Key("packet.order.tenant"), "acme"),
        (Key("unknown"), None),
        (Key("order.unknown.id"), None),
        (Key("packet.order.unknown"), None),
        (Key("none"), None),
        (Key("none.id"), None),
        (Key("empty"), None),
        (Key("text", "user_id"), "x:42"),
        (Key("text", "unknown"), None),
        (Key("user_id", prefix="user-"), "user-42"),
        (Key("none", prefix="user-"), None),
        (Key("unknown") | Key("user_id"), "42"),
        (Key("text") | Key("user_id"), "x"),
        (Key("unknown") | Key("none", prefix="n-") | Key("text", prefix="t-"), "t-x"),
        (Key("unknown") | Key("none"), None),
        (Key(), None),
        (Key() | Key("text"), "x"),
    ],
)
def test_arguments_give_a_key_or_none(key: Key, gives: str | None) -> None:
    assert key.of(ARGUMENTS) == gives
    assert key.of(ARGUMENTS) == gives


def test_a_key_tells_what_it_looks_at() -> None:
    key = Key("tenant", "user.id", prefix="u-") | Key("user.id") | Key("session")
    assert key.fields == ("tenant", "user.id", "session")
    assert repr(key) == "Key('tenant', 'user.id', prefix='u-') | Key('user.id') | Key('session')"
    assert (repr(Key()), bool(Key()), bool(key)) == ("Key()", False, True)


@pytest.mark.parametrize("value", [1.5, [1], {"a": 1}, b"x", len, User(1)])
def test_what_has_no_exact_text_is_no_part_of_a_key(value: Any) -> None:
    with pytest.raises(msgq.PayloadError, match=f"'field' is .*a {type(value).__name__}"):
        Key("field").of({"field": value})


@pytest.mark.parametrize("field", ["", ".", "a.", ".a", "a..b", 7, None])
def test_a_field_is_a_name_or_names_with_dots(field: Any) -> None:
    with pytest.raises(msgq.ConfigError, match="a field of a key"):
        Key(field)


def test_a_prefix_goes_before_fields() -> None:
    wrong: dict[str, Any]
    for wrong in ({"prefix": "alone"}, {"prefix": 7}):
        with pytest.raises(msgq.ConfigError, match="prefix="):
            Key(**wrong)
    with pytest.raises(TypeError):
        Key("a") | "b"  # type: ignore[operator]


@pytest.mark.parametrize("said", [7, b"a", (), {"a": 1}, object()])
def test_what_says_no_key_is_refused_as_a_handler_is_declared(app: msgq.App, said: Any) -> None:
    with pytest.raises(msgq.ConfigError, match="key= of a handler is"):
        app.handler(key=said)(lambda n: n)
    assert parse_rule(None) is None


# --- how handlers use it ---


def rules() -> list[Any]:
    def by_function(user: User, kind: str, *, at: int = 0) -> str | None:
        return f"{kind}-{user.id}-{at}" if user.id else None

    return [
        ("user.id", "7"), (("kind", "user.id"), "k:7"), (["user.id"], "7"),
        (Key("user.id", prefix="u-"), "u-7"), (Key("user.mail") | Key("kind"), "k"),
        ("at", "3"), (by_function, "k-7-3"), (Key(), None), (None, None),
        (lambda *_, at: None if at else "x", None), ("user.mail", None),
    ]  # fmt: skip


@on_postgres_too
@pytest.mark.parametrize(("said", "gives"), rules())
def test_every_call_gets_the_key_of_its_arguments(
    app: msgq.App, said: Any, gives: str | None
) -> None:
    @app.handler(queue="q", key=said)
    def handler(context: msgq.Context, user: User, kind: str, *, at: int = 0) -> None: ...

    call: dict[str, Any] = {"user": User(7), "kind": "k", "at": 3}
    handler.enqueue(User(7), "k", at=3)
    handler.enqueue_later(**call).wait()
    handler.enqueue_many([call])
    handler.using(headers={"a": 1}).enqueue(User(7), kind="k", at=3)

    async def twins() -> None:
        await handler.aenqueue(**call)
        await handler.aenqueue_many(iter([call]))

    asyncio.run(twins())
    assert keys_of(app) == [gives] * 6


def test_calls_of_one_enqueue_many_have_keys_of_their_own(app: msgq.App) -> None:
    @app.handler(queue="q", key="user")
    def handler(user: str | None, n: int = 0) -> None: ...

    calls = [("a", 0), ("b", 1), {"user": "a"}, (None, 3), ("b",)]
    handler.enqueue_many(calls)
    asyncio.run(handler.aenqueue_many(calls))
    assert sorted(map(str, keys_of(app))) == ["None"] * 2 + ["a"] * 4 + ["b"] * 4


def test_a_batch_handler_and_one_of_whole_bodies_look_into_the_item(app: msgq.App) -> None:
    @app.handler(queue="q", batch=msgq.Batch(), key="user.id")
    def batch(orders: list[Order]) -> None: ...

    @app.handler(queue="q", name="*", key=lambda body: body["who"])
    def rest(body: dict[str, str]) -> None: ...

    batch.enqueue(Order(user=User(1)))
    batch.enqueue_many([Order(user=User(2)), Order(user=User(None))])
    rest.enqueue({"who": "me"})
    rest.enqueue_many([{"who": "you"}])
    assert sorted(map(str, keys_of(app))) == ["1", "2", "None", "me", "you"]


def test_bytes_have_no_fields_but_a_function_reads_them(app: msgq.App) -> None:
    @app.handler(queue="q", key=lambda body: body[:2].decode())
    def raw(body: bytes) -> None: ...

    raw.enqueue(b"ab-1")
    raw.enqueue_many([b"cd-1", b"cd-2"])
    assert keys_of(app) == ["ab", "cd", "cd"]


def test_a_call_may_have_another_key_or_none(app: msgq.App) -> None:
    @app.handler(queue="q", key="n")
    def handler(n: int) -> None: ...

    handler.enqueue(1)
    handler.using(key="own").enqueue(2)
    handler.using(key=Key("n", prefix="n-")).enqueue(3)
    handler.using(key=lambda n: f"twice-{2 * n}").enqueue_many([4])
    handler.using(key=Key()).enqueue(5)
    assert keys_of(app) == ["1", "own", "n-3", "twice-8", None]


def test_a_key_of_no_argument_is_refused_as_it_is_declared(app: msgq.App) -> None:
    def handler(user: User, n: int) -> None: ...

    wrong: list[Any] = ["usr", "usr.id", ("n", "usr"), Key("usr") | Key("m"), "User.id"]
    for said in wrong:
        with pytest.raises(msgq.ConfigError, match=r"is of no argument: Key.* of \(user, n\)"):
            app.handler(key=said)(handler)
        with pytest.raises(msgq.ConfigError, match="is of no argument"):
            app.handler(name=uuid.uuid4().hex)(handler).using(key=Key("usr"))
    app.handler(key=Key("usr") | Key("n"))(handler)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("value", "from 1 to 512 bytes"),
        (lambda value: len(value), "text, not int"),
        (lambda value: value[:0], "from 1 to 512"),
        (lambda value: value[:1] + "\ud800", "lone surrogates"),
    ],
)
def test_a_call_whose_key_is_none_is_refused_and_not_enqueued(
    app: msgq.App, said: Any, why: str
) -> None:
    @app.handler(queue="q", name="h", key=said)
    def handler(value: str) -> None: ...

    with pytest.raises(msgq.PayloadError, match=f"key= of handler 'h': .*{why}"):
        handler.enqueue("x" * 600)
    with pytest.raises(msgq.PayloadError, match=f"item 0: key= of handler 'h': .*{why}"):
        handler.enqueue_many(["x" * 600, "x"])
    assert app.queue("q").depth().sent == 0


def test_what_a_function_raises_comes_out_and_nothing_is_enqueued(app: msgq.App) -> None:
    @app.handler(queue="q", key=lambda n: str(1 // n))
    def handler(n: int) -> None: ...

    with pytest.raises(ZeroDivisionError):
        handler.enqueue_many([1, 0])
    assert app.queue("q").depth().sent == 0


def test_arguments_that_do_not_fit_are_told_before_their_key(app: msgq.App) -> None:
    @app.handler(queue="q", key="n")
    def handler(n: int) -> None: ...

    wrong: Any = handler
    for args, kwargs in [((), {}), (("x",), {}), ((), {"m": 1})]:
        with pytest.raises(msgq.PayloadError, match="argument"):
            wrong.enqueue(*args, **kwargs)


def test_a_handler_without_a_key_takes_the_shortest_way(app: msgq.App) -> None:
    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    assert handler._options is None
    assert handler._rule is None


# --- plain queues ---


@on_postgres_too
def test_one_key_for_all_or_one_for_each(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2], key="a")
    queue.enqueue_many([3, 4, 5], key=["a", None, "b"])
    queue.enqueue_many([6, 7], key=(None, None))
    queue.enqueue_many([8], key=["c"], headers=[{"n": 8}])
    queue.enqueue_many([], key=[])

    async def twins() -> None:
        await queue.aenqueue_many([9, 10], key="a")
        await queue.aenqueue_many([11, 12, 13], key=["a", "b", None])

    asyncio.run(twins())
    told = ["a", "a", "a", None, "b", None, None, "c", "a", "a", "a", "b", None]
    found = {each.value(): each.key for each in queue.messages()}
    assert [found[n] for n in range(1, 14)] == told


@pytest.mark.parametrize("keys", [[], ["a"], ["a", "b", "c"]])
def test_keys_are_as_many_as_bodies(app: msgq.App, keys: list[str]) -> None:
    with pytest.raises(msgq.PayloadError, match=f"{len(keys)} keys for 2 bodies"):
        app.queue("q").enqueue_many([1, 2], key=keys)


def test_many_keys_from_an_event_loop_keep_the_order_of_each(app: msgq.App) -> None:
    queue = app.queue("q")
    keys = [f"key-{n % 40}" for n in range(2_000)]

    async def send() -> None:
        first = queue.aenqueue_many(range(1_000), key=keys[:1_000])
        receipts = await first
        assert len(receipts) == 1_000
        await asyncio.gather(*[queue.aenqueue(n, key=keys[n]) for n in range(1_000, 2_000)])

    asyncio.run(send())
    found: dict[str | None, list[int]] = {}
    for each in queue.messages():
        found.setdefault(each.key, []).append(each.value())
    assert found == {f"key-{k}": list(range(k, 2_000, 40)) for k in range(40)}


# --- where it is told ---


def test_it_is_told_wherever_a_message_is(app: msgq.App) -> None:
    queue = app.queue("q")
    receipt = queue.enqueue(b"x", key="user-42")
    assert queue.find(receipt.id).key == "user-42"
    (claimed,) = queue.claim()
    assert claimed.key == "user-42"
    claimed.reject("no")
    assert [each.key for each in queue.dead()] == ["user-42"]
    queue.redrive()
    assert [each.key for each in queue.peek()] == ["user-42"]


def test_a_handler_is_told(make_app: MakeApp) -> None:
    told: list[str | None] = []
    app = make_app("sync://")

    @app.handler(queue="q", key="n")
    def handler(ctx: msgq.Context, n: int | None) -> None:
        told.append(ctx.key)

    handler.enqueue(1)
    handler.enqueue_many([2, None])
    handler.using(key="own").enqueue_many([3])
    handler.using(key="own").enqueue_later(4)

    async def twins() -> None:
        await handler.aenqueue(5)
        await handler.aenqueue_many([6, None, 7])

    asyncio.run(twins())
    assert told == ["1", "2", None, "own", "own", "5", "6", None, "7"]


def test_sync_tells_the_key_of_a_dead_letter(make_app: MakeApp) -> None:
    app = make_app("sync://")

    @app.handler(queue="q", key="n")
    def handler(n: int) -> msgq.Reject:
        return msgq.Reject("no")

    handler.enqueue(1)
    assert [each.key for each in app.queue("q").dead()] == ["1"]


def test_a_context_for_plain_calls_has_one() -> None:
    assert context(key="user-42").key == "user-42"
    assert context().key is None


@pytest.mark.parametrize("is_async", [False, True])
def test_receipts_of_many_keys_are_in_the_order_of_the_call(app: msgq.App, is_async: bool) -> None:
    """They are sent shard by shard: few parcels, and each key in the order of the call."""
    queue = app.queue("q")
    keys = [None if n % 10 == 9 else f"key-{n % 37}" for n in range(500)]
    if is_async:
        receipt = asyncio.run(queue.aenqueue_many(range(500), key=keys))
    else:
        receipt = queue.enqueue_many(range(500), key=keys)
    assert len(receipt._parcels()) <= 17
    ids = receipt.ids
    assert [queue.find(each).value() for each in ids] == list(range(500))
    assert [receipt[n].id for n in (0, 7, -1)] == [ids[0], ids[7], ids[-1]]
    assert [each.id for each in receipt[3:6]] == ids[3:6]
    assert {each.status for each in receipt} == {"persisted"}
    for key in {each for each in keys if each}:
        mine = [n for n in range(500) if keys[n] == key]
        assert sorted(mine, key=lambda n: ids[n]) == mine


def test_a_body_that_is_too_large_is_named_by_its_place_in_the_call(make_app: MakeApp) -> None:
    queue = make_app(message_bytes_max=1_000).queue("q")
    bodies = [b"x" * (2_000 if n == 30 else 1) for n in range(50)]
    with pytest.raises(msgq.PayloadError, match="message 30 has"):
        queue.enqueue_many(bodies, key=[f"key-{n}" for n in range(50)])
    assert queue.depth().sent == 0
