"""What a handler's signature means for its messages: checked at enqueue, rebuilt by annotation."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from typing import Any, Literal, TypedDict

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgq
from msgq._signature import Plan


@dataclasses.dataclass
class Click:
    url: str
    at: dt.datetime
    blob: bytes = b""


class Struct(msgspec.Struct):
    n: int
    more: list[Click] = []


class Typed(TypedDict):
    price: decimal.Decimal


class Model(pydantic.BaseModel):
    size: int


class Color(enum.Enum):
    RED = "red"


NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)
CLICK = Click("u", NOW, b"\x00\xff")


def plan_of(function: Any, shape: Any = "call") -> Plan:
    return Plan("h", function, shape)


def every(
    a: str, b: int, c: float, d: bool, e: bytes, f: uuid.UUID, g: dt.datetime, h: decimal.Decimal,
    i: Click, j: Struct, k: Typed, m: Model, n: dict[str, Any], o: list[Click], p: str | None,
    q: Color, r: Literal["x", "y"], s: dict[str, Model], t: tuple[int, str], u: set[int],
    v: dt.date, w: Any, x: dict[str, int] = {},  # noqa: B006
) -> None:  # fmt: skip
    """Takes one of everything."""


VALUES: dict[str, Any] = {
    "a": "text", "b": 1, "c": 1.5, "d": True, "e": b"\x00\x80", "f": uuid.uuid4(), "g": NOW,
    "h": decimal.Decimal("1.10"), "i": CLICK, "j": Struct(3, [CLICK]),
    "k": {"price": decimal.Decimal("9.99")}, "m": Model(size=4), "n": {"x": [1, None]},
    "o": [CLICK, CLICK], "p": None, "q": Color.RED, "r": "x", "s": {"m": Model(size=1)},
    "t": (1, "z"), "u": {1, 2}, "v": dt.date(2026, 1, 1), "w": [1, {"a": 2}],
}  # fmt: skip


def test_everything_is_rebuilt_by_annotation() -> None:
    plan = plan_of(every)
    body = plan.pack(**VALUES)
    assert plan.unpack(body) == (*VALUES.values(), {})
    assert plan.pack_many([VALUES, tuple(VALUES.values())]) == [body, body]
    assert plan.unpack_slow(msgspec.json.encode(VALUES, enc_hook=lambda m: m.model_dump()))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("a", 1), ("a", None), ("a", uuid.uuid4()), ("b", "1"), ("b", True), ("b", 1.5),
        ("c", float("nan")), ("c", float("inf")), ("c", "1"), ("d", 1), ("e", "x"), ("f", "x"),
        ("g", "2026"), ("h", 1), ("i", {"url": "u"}), ("i", Click("u", "soon")),  # type: ignore[arg-type]
        ("j", Struct("3")), ("k", {"price": "x"}), ("k", []), ("m", {"size": 4}), ("n", []),  # type: ignore[arg-type]
        ("n", {1: 2}), ("o", [1]), ("o", CLICK), ("p", 1), ("q", "red"), ("r", "z"),
        ("s", {"m": {"size": "x"}}), ("t", (1, 2)), ("t", (1,)), ("u", {"x"}), ("a", "\ud800"),
        ("w", object()), ("w", [float("nan")]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(name: str, wrong: Any) -> None:
    plan = plan_of(every)
    values = {**VALUES, name: wrong}
    with pytest.raises(msgq.PayloadError) as caught:
        plan.pack(**values)
    assert name in str(caught.value)
    with pytest.raises(msgq.PayloadError, match="item 1"):
        plan.pack_many([VALUES, values])


def test_arguments_that_do_not_bind() -> None:
    def handler(to: str, *, subject: str, n: int = 3) -> None: ...

    plan = plan_of(handler)
    assert plan.unpack(plan.pack("a", subject="s")) == ("a", "s", 3)
    wrong: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        ((), {}), (("a",), {}), (("a", "b"), {}), (("a",), {"subject": "s", "x": 1}),
    ]  # fmt: skip
    for args, kwargs in wrong:
        with pytest.raises(msgq.PayloadError, match="arguments do not fit: handler 'h'"):
            plan.pack(*args, **kwargs)
    with pytest.raises(msgq.PayloadError, match="item 0"):
        plan.pack_many([("a", "b", 3, 4)])
    with pytest.raises(msgq.PayloadError, match="tuple or a dict"):
        plan.pack_many(["a"])


@given(st.text(st.characters(codec="utf-8")), st.integers(), st.floats(allow_nan=False,
       allow_infinity=False), st.binary(), st.booleans() | st.none())  # fmt: skip
def test_scalars_come_back_as_they_were(a: str, b: int, c: float, d: bytes, e: bool | None) -> None:
    def handler(a: str, b: int, c: float, d: bytes, e: bool | None) -> None: ...

    plan = PLANS.setdefault("scalars", plan_of(handler))
    assert plan.unpack(plan.pack(a, b, c, d, e)) == (a, b, c, d, e)


PLANS: dict[str, Plan] = {}


def test_an_int_is_welcome_as_float_and_comes_back_as_one() -> None:
    def handler(x: float) -> None: ...

    assert plan_of(handler).unpack(plan_of(handler).pack(2)) == (2.0,)


def test_bytes_alone_go_raw() -> None:
    def handler(body: bytes) -> None: ...

    plan = plan_of(handler)
    assert plan.is_raw
    assert plan.pack(b"\xff") == b"\xff"
    assert plan.pack(body=b"x") == b"x"
    assert plan.pack(bytearray(b"x")) == b"x"
    assert plan.unpack(b"\xff") == (b"\xff",)
    assert plan.pack_many([b"a", (b"b",), memoryview(b"c")]) == [b"a", b"b", b"c"]
    with pytest.raises(msgq.PayloadError, match="must be bytes, got str"):
        plan.pack("x")
    with pytest.raises(msgq.PayloadError, match=r"item 1: .* must be bytes, got int"):
        plan.pack_many([b"a", 1])


def test_a_context_is_no_argument() -> None:
    def handler(a: int, ctx: msgq.Context, *, b: int = 2) -> tuple[Any, ...]:
        return (a, ctx, b)

    plan = plan_of(handler)
    assert plan.context == "ctx"
    assert not plan.is_plain
    assert plan.invoke(handler, plan.unpack(plan.pack(1)), "the context") == (1, "the context", 2)

    def first(ctx: msgq.Context, a: int, /) -> tuple[Any, ...]:
        return (ctx, a)

    def last(a: int, *, ctx: msgq.Context | None = None, b: int = 2) -> tuple[Any, ...]:
        return (a, ctx, b)

    def batch(ctx: msgq.Context, items: list[int]) -> tuple[Any, ...]:
        return (ctx, items)

    plan = plan_of(first)
    assert plan.invoke(first, plan.unpack(plan.pack(1)), "c") == ("c", 1)
    plan = plan_of(last)
    assert plan.invoke(last, plan.unpack(plan.pack(1)), "c") == (1, "c", 2)
    assert plan_of(batch, "batch").invoke(batch, [1, 2], "c") == ("c", [1, 2])


def test_bodies_of_older_and_foreign_programs() -> None:
    def handler(a: int, b: str = "new", c: Click | None = None) -> None: ...

    plan = plan_of(handler)
    assert plan.unpack_slow(b"[1]") == (1, "new", None)
    assert plan.unpack_slow(b'{"a":1,"b":"x"}') == (1, "x", None)
    for wrong in (b"", b"[]", b"7", b'["x"]', b'{"b":"x"}', b'{"a":1,"z":2}', b"[1,2,3,4]", b"\xff",
                  b"[" * 100_000):  # fmt: skip
        with pytest.raises(msgq.PayloadError, match="does not fit handler 'h'"):
            plan.unpack_slow(wrong)


def test_batches_are_of_items() -> None:
    def handler(items: list[Click]) -> None: ...

    plan = plan_of(handler, "batch")
    body = plan.pack(CLICK)
    assert plan.unpack(body) == CLICK
    assert plan.pack_many([CLICK]) == [body]
    with pytest.raises(msgq.PayloadError, match="item 1"):
        plan.pack_many([CLICK, {"url": 3}])


class Shop:
    def sell(self, n: int) -> None: ...


def test_signatures_that_cannot_travel_are_refused_when_declared() -> None:
    class Odd: ...

    def odd(x: list[Odd]) -> None: ...
    def stars(*args: int) -> None: ...
    def keywords(**kwargs: int) -> None: ...
    def clash(x: dt.datetime | uuid.UUID) -> None: ...
    def ghost(x: Ghost) -> None: ...  # type: ignore[name-defined]  # noqa: F821
    def single(x: int) -> None: ...
    def two(x: list[int], y: int) -> None: ...

    for function, word in [(odd, "Odd"), (stars, "args"), (keywords, "kwargs"), (clash, "x"),
                           (ghost, "Ghost")]:  # fmt: skip
        with pytest.raises(msgq.ConfigError, match=word):
            plan_of(function)
    with pytest.raises(msgq.ConfigError, match="is a method of no object"):
        plan_of(Shop.sell)
    assert [each.name for each in plan_of(Shop().sell).parameters] == ["n"]
    for function in (single, two):
        with pytest.raises(msgq.ConfigError, match=r"list\[\.\.\.\]"):
            plan_of(function, "batch")
    with pytest.raises(msgq.ConfigError, match="exactly one argument"):
        plan_of(two, "body")
