"""S1: names are data. Whatever a queue, handler, header or schema is called, nothing else happens.

About three hundred names that have broken other queues: each is taken and is a name of its own, or
is refused with one clear error. A canary table stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import msgq
from tests.support.postgres import PostgresServer
from tests.support.stores import POSTGRES

PIECES = (
    "'", '"', "''", '""', "\\", "\\'", "`", ";", ";--", "--", "/*", "*/", "#", "%", "%s", "%(q)s",
    "{}", "{schema}", ":schema", ":name", "$1", "$$", "$tag$", "?", "@", "&", "|", "<", ">", "=",
    "(", ")", "[", "]", "..", ".", "/", "/..", "../", "a/../b", "//", "\n", "\r", "\t", "\0",
    "\x01", "\x1b[31m", "\x7f", "\x85", "\u200b", "\u200e", "\u200f", "\u202e", "\u2066",
    "\ufeff", "\u00a0", "\u2028", "e\u0301", "\u00e9", "\U0001f984", "\ud7ff", "\uffff",
    "\U0010ffff", "\u0130", "\u017f", "\u1e9e",
)  # fmt: skip
WHOLE = (
    "", " ", "  ", "null", "NULL", "None", "true", "select", "SELECT", "table", "user", "public",
    "pg_catalog", "pg_temp", "information_schema", "msgq", "block", "claim", "queue", "default",
    "*", "%", "_", "Q", "q ", " q", "orders'; drop table canary; --", '"; drop table canary; --',
    "$$; drop table canary; $$", "'; delete from canary; select '", "x'||(select 1)||'",
    "x\\'; drop table canary; --", "q'); drop table canary; --", "E'\\x27", "U&'\\0027'",
    "{0.__class__}", "%n%n%n", "${jndi:ldap://x}", "a" * 62, "a" * 63, "a" * 64, "a" * 200,
    "a" * 255, "a" * 256, "a" * 10_000, "\u00e9" * 127, "\u00e9" * 128, "a" * 63 + "1",
    "a" * 63 + "2", "-1", "0", "1e309", "0x10", "COM1", "~", "~root", "C:\\", "\\\\host\\share",
)  # fmt: skip
NAMES = tuple(
    dict.fromkeys([
        *WHOLE,
        *(piece for piece in PIECES),
        *(f"a{piece}b" for piece in PIECES),
        *(f"q{piece}drop table canary{piece}" for piece in PIECES),
        *(f"{piece}x" for piece in PIECES),
    ])
)  # fmt: skip


@pytest.fixture
def canary(postgres_server: PostgresServer) -> Iterator[None]:
    """A table that hostile names are after."""
    postgres_server.execute("create table canary (song text); insert into canary values ('tweet')")
    yield
    assert postgres_server.execute("select song from canary") == [("tweet",)]
    postgres_server.execute("drop table canary")


def test_there_are_about_three_hundred() -> None:
    assert len(NAMES) >= 300


def is_taken(client: msgq.Client, name: str) -> bool:
    """Send to a queue of that name; False when it is refused for its name."""
    try:
        client.queue(name).enqueue(name.encode())
    except msgq.ConfigError as error:
        return "queue name" not in str(error)
    return True


@pytest.mark.parametrize("url", ["sqlite:///q.db", POSTGRES], indirect=True)
def test_s1_queues_are_apart_or_refused(url: str, canary: None) -> None:
    with msgq.connect(url) as client:
        taken = [name for name in NAMES if is_taken(client, name)]
        assert sorted(client.queues()) == sorted(taken)
        for name in taken:
            (message,) = client.queue(name).peek()
            assert message.body == name.encode()
            assert client.queue(name).depth().sent == 1
            (held,) = client.queue(name).claim(1)
            held.ack()
        client.queue(taken[0]).enqueue(b"x")
        for name in taken[1:]:
            assert client.queue(name).purge() == 0
            client.queue(name).delete()
        assert client.queue(taken[0]).depth().waiting == 1
    assert len(taken) > 150


@pytest.mark.parametrize("url", ["sqlite:///q.db", POSTGRES], indirect=True)
def test_s1_headers_and_handlers_come_back_as_they_went(url: str, canary: None) -> None:
    with msgq.connect(url) as client:
        queue = client.queue("q")
        taken = [name for name in NAMES if 0 < len(name) <= 255 and name.isprintable()]
        for name in taken:
            queue.enqueue(b"x", headers={name: name, "reply-to": name})
            (held,) = queue.claim(1)
            assert dict(held.headers) == {name: name, "reply-to": name}
            held.ack()
        for name in set(NAMES) - set(taken):
            with pytest.raises(msgq.PayloadError, match="header"):
                queue.enqueue(b"x", headers={name: name})


def test_s1_schemas_are_plain_names_or_refused(
    postgres_server: PostgresServer, canary: None
) -> None:
    namespaces = "select nspname from pg_namespace where nspname not like 'pg_%' order by 1"
    before = postgres_server.execute(namespaces)
    for name in NAMES:
        is_plain = name.replace("_", "a").isascii() and name.replace("_", "a").isalnum()
        if is_plain and name == name.lower() and not name[0].isdigit():
            continue
        with pytest.raises(msgq.ConfigError):
            msgq.connect(postgres_server.url, schema=name)
    with pytest.raises(msgq.ConfigError, match="at most"):
        msgq.connect(postgres_server.url, schema="a" * 64)
    assert postgres_server.execute(namespaces) == before


def test_s1_enqueue_in_sql_takes_names_as_data(
    postgres_url: str, postgres_server: PostgresServer, canary: None
) -> None:
    schema = postgres_url.rpartition("schema=")[2]
    with msgq.connect(postgres_url) as client:
        for name in ("a'; drop table canary; --", '"q"', "$$", "\u00e9"):
            postgres_server.execute(f"select {schema}.enqueue(%s, %s::bytea)", name, b"x")
            (held,) = client.queue(name).claim(1, wait=10)
            assert held.queue == name
            held.ack()
