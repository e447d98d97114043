"""URLs: which transport, where, with which options; and never a secret shown (R23)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgq
from msgq._url import mask, parse_url


@pytest.mark.parametrize(
    ("text", "scheme", "path"),
    [
        ("memory://", "memory", ""), ("sync://", "sync", ""), ("SQLITE:///a.db", "sqlite", "a.db"),
        ("sqlite:////tmp/a.db", "sqlite", "/tmp/a.db"), ("sqlite:///a%20b.db", "sqlite", "a b.db"),
    ],
)  # fmt: skip
def test_places(text: str, scheme: str, path: str) -> None:
    found = parse_url(text)
    assert (found.scheme, found.path) == (scheme, path)


def test_options_come_along() -> None:
    assert parse_url("sqlite:///a.db?lease=5s&durability=os").options == {
        "lease": "5s", "durability": "os",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    ["", "a.db", "sqlite://a.db", "sqlite:///", "sqlite:///dir/", "memory://host", "sync:///x",
     "sqlite:///a%00b", "sqlite:///a?lease=1&lease=2"],
)  # fmt: skip
def test_places_that_are_none(wrong: str) -> None:
    with pytest.raises(msgq.ConfigError):
        parse_url(wrong)


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(msgq.ConfigError, match="memory://, sync://, sqlite://"):
        parse_url("redis://localhost")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "amqp", "amqps", "sqs", "servicebus"])
def test_later_transports_are_named(scheme: str) -> None:
    with pytest.raises(msgq.UnsupportedError, match=f"{scheme.removesuffix('s')}"):
        parse_url(f"{scheme}://user:hunter2@host/db")


@given(st.text("abcXYZ019@:!$%*+", min_size=4))
def test_r23_no_password_is_ever_shown(secret: str) -> None:
    url = f"postgresql://me:{secret}@host/db?password={secret}&sslmode=on&api_token={secret}"
    assert mask(url) == "postgresql://me:***@host/db?password=***&sslmode=on&api_token=***"


@given(st.text(st.characters(codec="ascii", exclude_characters="&"), min_size=8))
def test_r23_no_odd_password_is_shown_either(secret: str) -> None:
    shown = mask(f"amqp://me:{secret}@host/v?api_key={secret}")
    assert f":{secret}@" not in shown
    assert f"={secret}" not in shown
