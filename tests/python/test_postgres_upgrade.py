"""Older versions of the PostgreSQL schema become today's, with all that is in them, beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import msgq
from tests.support.cli import call, ok
from tests.support.postgres import PostgresServer

DATA = Path(__file__).parents[1] / "data"
Connection = psycopg.Connection[tuple[object, ...]]
OWNER = 77
# A block of one message whose body is b"one", as any version writes it: tests/data knows no bytes.
FRAME = b"\x00one"
ENDS = len(FRAME).to_bytes(4, "little")


def block(number: int) -> bytes:
    high, low = 0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | number
    section = b"\x01" + high.to_bytes(8, "little") + low.to_bytes(8, "little") + b"\x00\x01\x01"
    footer = (1).to_bytes(4, "little") + len(FRAME).to_bytes(4, "little")
    return FRAME + ENDS + section + footer + (1).to_bytes(4, "little") + b"\x01\x00\x00\x00"


@pytest.fixture
def version(request: pytest.FixtureRequest) -> int:
    """Which one made the schema."""
    return int(getattr(request, "param", 1))


BOTH = pytest.mark.parametrize("version", [1, 2], indirect=True)


@pytest.fixture
def old(postgres_server: PostgresServer, postgres_url: str, version: int) -> Iterator[Connection]:
    """A session of a process of that version, in a schema that it made."""
    schema = postgres_url.rpartition("schema=")[2]
    text = (DATA / f"postgres_schema_{version}.sql").read_text("utf-8")
    postgres_server.execute(text.replace("msgq", schema))
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute(f"set search_path = {schema}".encode())
        connection.execute(b"set default_transaction_isolation = 'read committed'")
        joins = b"select join_process('old', 1%s)" % (b", true" if version == 2 else b"")
        connection.execute(joins)
        connection.execute(b"select lock_process(max(id)) from process")
        connection.execute(b"select open_owner(%s, (select max(id) from process))", (OWNER,))
        connection.execute(b"select open_queue('q', 0)")
        yield connection


def append(old: Connection, number: int) -> None:
    """Calls append() with the argument list of version 1."""
    old.execute(
        b"select append(%s, %s, array[l.id], array[s.id], '{1}', '{4}', array[%s::uuid],"
        b" array[%s::uuid], '{0}', array[%s::int], %s)"
        b" from lane l join subscription s on s.queue = l.queue where l.subscription = 0",
        (OWNER, number, *[f"01900000-0000-7000-8000-{number:012x}"] * 2, len(block(number)),
         block(number)),
    )  # fmt: skip


def park(old: Connection, number: int) -> None:
    old.execute(
        b"select park(%s, %s, array[q.id], array[s.id], '{3600000}', array[%s::uuid], '{4}',"
        b" '{0}', array[%s::int], %s) from queue q join subscription s on s.queue = q.id",
        (OWNER, number, f"01900000-0000-7000-8000-{number:012x}", len(block(number)),
         block(number)),
    )  # fmt: skip


def claim(old: Connection, request: int) -> list[int]:
    """Calls exchange() as versions 1 and 2 do: one wish; the gens that it got."""
    rows = old.execute(
        b"select value from exchange(%s, %s, 1, false, false, '{}', '{}', '{}', '{}', '{}', '{}',"
        b" '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '{}', '{}', '{}', '{}', '{}',"
        b" (select array_agg(id) from subscription), '{1}',"
        b" (select array_agg(id) from lane where subscription = 0), '{1}', '{1000000}', '{60000}',"
        b" '{2}') where what = 7",
        (OWNER, request),
    ).fetchall()
    return [int(str(gen)) for (gen,) in rows]


def settle(old: Connection, request: int, gen: int) -> list[int]:
    """The same call: the whole claim is done; who had lost it."""
    rows = old.execute(
        b"select i from exchange(%s, %s, 1, false, false, array[(select id from subscription)],"
        b" array[(select id from lane where subscription = 0)], array[%s::bigint],"
        b" array[%s::bigint], '{1}', '{\"\"}', '{1}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',"
        b" '{}', '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')"
        b" where what = 1",
        (OWNER, request, gen, OWNER),
    ).fetchall()
    return [int(str(index)) for (index,) in rows]


def depth(old: Connection) -> tuple[object, ...]:
    row = old.execute(b"select sent, parked, leased, done, dead from depth()").fetchone()
    assert row is not None
    return row


def test_everything_is_there_and_version_1_goes_on(old: Connection, postgres_url: str) -> None:
    for number in range(1, 6):
        append(old, number)
    park(old, 6)
    (gen,) = claim(old, 7)
    old.execute(b"select sweep_flushed(%s, 3)", (OWNER,))
    before = depth(old)
    assert before == (6, 1, 1, 0, 0)
    assert ok("db", "upgrade", "--url", postgres_url).out.endswith("version 1 became 3\n")
    assert depth(old) == before

    rows = old.execute(b"select state, body, count(*) from messages group by 1, 2").fetchall()
    assert sorted(rows) == [("leased", b"one", 1), ("parked", b"one", 1), ("waiting", b"one", 4)]
    append(old, 8)
    park(old, 9)
    assert depth(old) == (8, 2, 1, 0, 0)
    assert settle(old, 10, gen) == []
    assert depth(old) == (8, 2, 0, 1, 0)
    old.execute(b"select sweep_flushed(%s, 10)", (OWNER,))
    assert old.execute(b"select sum(sent) from rate").fetchall() == [(5,)]  # three of version 1
    assert old.execute(b"select request from swept").fetchall() == [(10,)]
    old.execute(
        b"select sweep_lane(s.id, l.id, 0) from subscription s, lane l where l.subscription = 0"
    )
    assert depth(old) == (8, 2, 0, 1, 0)
    old.execute(b"update parked set due = now() where number = (select min(number) from parked)")
    assert old.execute(b"select promote(10)").fetchall() == [(1,)]
    assert depth(old) == (8, 1, 0, 1, 0)
    with msgq.connect(postgres_url, create_schema=False, profile="test") as client:
        queue = client.queue("q")
        queue.enqueue(b"two")
        assert (queue.depth().sent, queue.depth().leased) == (9, 0)


def test_version_1_leaves_other_priorities_to_those_who_know_them(
    old: Connection, postgres_url: str
) -> None:
    ok("db", "upgrade", "--url", postgres_url)
    with msgq.connect(postgres_url, create_schema=False, profile="test") as client:
        queue = client.queue("q")
        queue.enqueue(b"urgent", priority=9)
        queue.enqueue_many([b"a", b"b"], delay="1h")
        queue.enqueue(b"c", delay="1h", priority=9)
        queue.enqueue(b"d", delay="1h", priority=1)
    old.execute(b"update parked set due = now()")
    old.execute(b"select returned_lane(id, 4), returned_lane(id, -4) from queue")
    returned = b"select count(*) from read_directory() where is_returned"
    assert old.execute(returned).fetchall() == [(0,)]
    assert old.execute(b"select promote(10)").fetchall() == [(2,)]
    assert old.execute(returned).fetchall() == [(1,)]
    with msgq.connect(postgres_url, create_schema=False, profile="test") as client:
        got: list[bytes] = []
        while len(got) < 5:
            got += [each.body for each in client.queue("q").claim(10, wait=10)]
        assert sorted(got) == [b"a", b"b", b"c", b"d", b"urgent"]


@BOTH
def test_older_workers_take_nothing_that_they_could_spoil(
    old: Connection, postgres_url: str
) -> None:
    ok("db", "upgrade", "--url", postgres_url)
    with msgq.connect(postgres_url, create_schema=False, profile="test") as client:
        queue = client.queue("q")
        queue.enqueue(b"soon over", ttl="1h")
        old.execute(rb"select enqueue('q', '\x74'::bytea, ttl => '1 h', priority => 9)")
        assert claim(old, 2) == []
        rows = old.execute(b"select mark is null from read_outbox(0, 10, 1000000)").fetchall()
        assert rows == [(False,)]  # the first one says from where to look next
        assert queue.depth().quarantined == 0
        got: dict[bytes, tuple[int, bool]] = {}
        while len(got) < 2:
            for each in queue.claim(10, wait=10):
                got[each.body] = (each.priority, each.expires_at is not None)
        assert got == {b"soon over": (5, True), b"t": (9, True)}


@BOTH
def test_downgrade_removes_what_older_versions_left(
    old: Connection, postgres_url: str, postgres_server: PostgresServer
) -> None:
    ok("db", "upgrade", "--url", postgres_url)
    old.execute(b"create table theirs ()")  # keeps the schema
    old.execute(b"select pg_advisory_unlock_all()")
    ok("db", "downgrade", "--to", 0, "--yes", "--url", postgres_url)
    left = postgres_server.execute(
        "select p.oid::regprocedure from pg_proc p where p.pronamespace = "
        f"'{postgres_url.rpartition('schema=')[2]}'::regnamespace"
    )
    assert left == []


def test_there_is_no_way_back_to_version_1(old: Connection, postgres_url: str) -> None:
    append(old, 1)
    ok("db", "upgrade", "--url", postgres_url)
    answer = call("db", "downgrade", "--to", 1, "--yes", "--url", postgres_url)
    assert answer.status == 2
    assert "there is no way back to version 1" in answer.err
    assert depth(old)[0] == 1
