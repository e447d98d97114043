"""URLs: which transport, where, with which options; and never a secret shown (R23)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import msgq
from msgq._engine import warn_of_weak_tls
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


@pytest.mark.parametrize("scheme", ["amqp", "amqps", "sqs", "servicebus"])
def test_later_transports_are_named(scheme: str) -> None:
    with pytest.raises(msgq.UnsupportedError, match=f"{scheme.removesuffix('s')}"):
        parse_url(f"{scheme}://user:hunter2@host/db")


@pytest.mark.parametrize(
    ("text", "dsn"),
    [
        # local: nothing is added
        ("postgresql:///shop?host=/run/postgresql", "postgresql:///shop?host=%2Frun%2Fpostgresql"),
        ("postgresql://%2Frun%2Fpostgresql/shop", "postgresql://%2Frun%2Fpostgresql/shop"),
        ("postgresql://me:a%40b@localhost:6432/shop", "postgresql://me:a%40b@localhost:6432/shop"),
        ("postgresql://127.8.0.1/shop", "postgresql://127.8.0.1/shop"),
        ("postgres://[::1]:5432/shop", "postgresql://[::1]:5432/shop"),
        ("postgresql://db/shop?hostaddr=127.0.0.1", "postgresql://db/shop?hostaddr=127.0.0.1"),
        # of several hosts one that takes writes, unless something else is said
        ("postgresql://localhost,127.0.0.1:6432/s",
         "postgresql://localhost,127.0.0.1:6432/s?target_session_attrs=read-write"),
        ("postgresql:///s?host=localhost,127.0.0.1&target_session_attrs=any",
         "postgresql:///s?host=localhost%2C127.0.0.1&target_session_attrs=any"),
        # not local, or not known to be: the server has to prove who it is
        ("postgresql://db/shop", "postgresql://db/shop?sslmode=verify-full"),
        ("postgresql://localhost,db/s",
         "postgresql://localhost,db/s?sslmode=verify-full&target_session_attrs=read-write"),
        ("postgresql:///shop", "postgresql:///shop?sslmode=verify-full"),
        ("postgresql://127.0.0.1.exampl/s", "postgresql://127.0.0.1.exampl/s?sslmode=verify-full"),
        ("postgresql://db/shop?sslmode=require", "postgresql://db/shop?sslmode=require"),
        ("postgresql://db/s?sslmode=disable&password=a+b",
         "postgresql://db/s?sslmode=disable&password=a%2Bb"),
    ],
)  # fmt: skip
def test_what_libpq_gets(text: str, dsn: str) -> None:
    assert parse_url(text).dsn == dsn


def test_options_are_split_between_libpq_and_msgq() -> None:
    found = parse_url(
        "postgresql://a,b/shop?target_session_attrs=read-write&schema=jobs&lease=5s"
        "&application_name=shop&connect_timeout=2"
    )
    assert found.options == {"schema": "jobs", "lease": "5s", "connect_timeout": "2"}
    assert found.dsn == (
        "postgresql://a,b/shop?target_session_attrs=read-write&application_name=shop"
        "&sslmode=verify-full"
    )


@pytest.mark.parametrize(
    ("option", "near"),
    [("sslmod=disable", "sslmode"), ("schem=x", "schema"), ("target_session=any", "target_session"),
     ("conect_timeout=3", "connect_timeout"), ("zzzzzz=1", "neither of msgq nor of libpq")],
)  # fmt: skip
def test_an_unknown_option_is_refused_with_the_nearest_one(option: str, near: str) -> None:
    with pytest.raises(msgq.ConfigError, match=f"unknown option .*{near}"):
        parse_url(f"postgresql://me:hunter2@db/shop?{option}")


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:hun?ter2@db/shop", "postgresql://me:hun/ter2@db/shop",
     "postgresql://me:hun@ter2@db/shop", "postgresql://me:hunter2/shop",
     "postgresql://me@db:hunter2/shop", "postgresql://a:1,b:hunter2/shop"],
)  # fmt: skip
def test_a_password_that_ends_the_url_early_is_not_shown(url: str) -> None:
    """libpq would name it in an error, as the host or the port it took it for."""
    with pytest.raises(msgq.ConfigError, match="write") as caught:
        parse_url(url)
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "is_weak"),
    [("disable", True), ("allow", True), ("prefer", True), ("require", True), ("verify-ca", True),
     ("verify-full", False)],
)  # fmt: skip
def test_weak_tls_is_known(mode: str, is_weak: bool) -> None:
    assert parse_url(f"postgresql://db/shop?sslmode={mode}").weak_tls == (mode if is_weak else "")
    assert parse_url(f"postgresql://localhost/shop?sslmode={mode}").weak_tls == ""


def test_weak_tls_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    url = parse_url("postgresql://me:hunter2@warned.example/shop?sslmode=require")
    for _ in range(3):
        warn_of_weak_tls(url)
    (record,) = caplog.records
    assert "sslmode=require does not prove which server answers" in record.getMessage()
    assert "hunter2" not in record.getMessage()


def test_neither_repr_nor_text_shows_a_secret() -> None:
    url = parse_url("postgresql://me:hunter2@db/shop?password=hunter2&sslpassword=hunter2")
    assert "hunter2" not in f"{url} {url!r}"


@given(st.text("abcXYZ019@:!$%*+", min_size=4))
def test_r23_no_password_is_ever_shown(secret: str) -> None:
    url = f"postgresql://me:{secret}@host/db?password={secret}&sslmode=on&api_token={secret}"
    assert mask(url) == "postgresql://me:***@host/db?password=***&sslmode=on&api_token=***"


@example("00000@?=")
@example("a@/b?c=d")
@given(st.text(st.characters(codec="ascii", exclude_characters="&"), min_size=8))
def test_r23_no_odd_password_is_shown_either(secret: str) -> None:
    shown = mask(f"amqp://me:{secret}@host/v?api_key={secret}")
    assert f":{secret}@" not in shown
    assert f"={secret}" not in shown
