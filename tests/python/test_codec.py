"""Objects to JSON and back; what cannot be encoded is named by its path, never shown."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgq
from msgq import codec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(st.characters(codec="utf-8"))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)  # fmt: skip


class Model(pydantic.BaseModel):
    size: int


class Row(msgspec.Struct):
    value: Any


@dataclasses.dataclass
class Order:
    rows: list[Any]


@given(JSON)
def test_what_json_can_say_comes_back(value: object) -> None:
    assert codec.decode_content(codec.CONTENT_JSON, codec.encode_json(value)) == value


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), r"^body cannot be encoded \(object\)"),
        ({"a": [1, {"b": object()}]}, r"^body\['a'\]\[1\]\['b'\] cannot be encoded \(object\)"),
        (Order([Row({"x": object})]), r"^body\.rows\[0\]\.value\['x'\] cannot be encoded \(type\)"),
        ({"a": "\ud800"}, r"^body\['a'\] cannot be encoded \(str\): its text holds lone"),
        ([float("nan")], r"^body\[0\] is nan"),
        ({"a": Row(float("inf"))}, r"^body\['a'\]\.value is inf"),
    ],
)
def test_the_path_of_what_cannot_be_encoded_is_named(value: object, path: str) -> None:
    with pytest.raises(msgq.PayloadError, match=path):
        codec.encode_json(value)


def test_no_value_is_shown_in_an_error() -> None:
    class Secretive:
        def __repr__(self) -> str:
            return "hunter2"

    with pytest.raises(msgq.PayloadError) as caught:
        codec.encode_json({"key": Secretive()})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(msgq.PayloadError) as caught:
        codec.decode_content(codec.CONTENT_JSON, b'{"password": hunter2}')
    assert "hunter2" not in str(caught.value)


def test_json_100_000_deep_is_a_payload_error_both_ways() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(msgq.PayloadError, match="nested too deeply"):
        codec.encode_json(deep)
    with pytest.raises(msgq.PayloadError, match="nested too deeply"):
        codec.decode_content(codec.CONTENT_JSON, b"[" * 100_000 + b"]" * 100_000)
    while deep:  # taken apart by hand: a recursive destructor is not what is tested
        deep = deep[0]


def test_contents() -> None:
    assert codec.decode_content(codec.CONTENT_BYTES, b"\xff") == b"\xff"
    assert codec.decode_content(codec.CONTENT_TEXT, "aä".encode()) == "aä"
    assert codec.decode_content(codec.CONTENT_MSGPACK, msgspec.msgpack.encode([1])) == [1]
    for content in (codec.CONTENT_JSON, codec.CONTENT_TEXT, codec.CONTENT_MSGPACK):
        with pytest.raises(msgq.PayloadError, match="body of 2 bytes"):
            codec.decode_content(content, b"\xff\xc1")


def test_pydantic_models_travel() -> None:
    assert codec.encode_json({"m": Model(size=3)}) == b'{"m":{"size":3}}'
    decode = codec.decoder(Model)
    assert decode(b'{"size":3}') == Model(size=3)
    with pytest.raises(msgspec.ValidationError, match="does not fit Model at size") as caught:
        decode(b'{"size":"hunter2"}')
    assert "hunter2" not in str(caught.value)


def test_headers() -> None:
    assert codec.encode_headers(None, {}) is None
    text = codec.encode_headers({"a": 1, "b": None}, {"msgq-x": 2})
    assert codec.decode_headers(text or b"") == {"a": 1, "b": None, "msgq-x": 2}
    assert codec.decode_headers(b"") == {}
    assert codec.decode_headers(b"[1]") == {}


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({f"h{i}": 1 for i in range(101)}, "101 headers; at most 100"),
        ({"a": "x" * 64_000}, r"headers of 64008 bytes; at most 64000"),
        ({"": 1}, "1 to 255 printable"), ({"a\n": 1}, "1 to 255 printable"),
        ({3: 1}, "1 to 255 printable"), ({"MSGQ-retry": 1}, "belong to msgq"),
        ({"a": [1]}, "must be text, a number"), ({"a": "\ud800"}, "surrogates"),
    ],
)  # fmt: skip
def test_headers_that_are_refused(headers: dict[Any, Any], why: str) -> None:
    with pytest.raises(msgq.PayloadError, match=why):
        codec.encode_headers(headers, {})
