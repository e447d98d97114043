"""Looks at a PostgreSQL store touch as many pages with ten million messages as with ten, also when
an old snapshot keeps every row that was ever deleted."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

import msgq
from tests.support.eyes import Eyes, schema_of
from tests.support.postgres import PostgresServer

PAGES = 100
LOOKS = (
    "select * from depth('q')", "select * from depth()", "select * from queues",
    "select * from look_at_expired()", "select * from leases", "select * from messages limit 10",
    "select * from glance(0, 10000, 0, true, '{}')",
    "select * from read_lane((select id from subscription), (select min(id) from lane))",
)  # fmt: skip
# An exchange that asks for nothing but the next due message.
LOOKS_DUE = (
    "select * from exchange(0, 0, 0, false, true"
    + ", '{}'" * 17 + ", ''" + ", '{}'" * 14 + ", 0)"
)  # fmt: skip


@pytest.fixture
def client(postgres_url: str) -> Iterator[msgq.Client]:
    with msgq.connect(postgres_url, profile="test") as client:
        client.queue("q").enqueue_many([b"%d" % n for n in range(1000)])
        yield client


@pytest.fixture
def eyes(postgres_server: PostgresServer, client: msgq.Client, postgres_url: str) -> Iterator[Eyes]:
    eyes = Eyes(postgres_server, schema_of(postgres_url))
    yield eyes
    eyes.connection.close()


def fill(eyes: Eyes, blocks: int) -> None:
    """Copies of the block that is there, each a second younger."""
    eyes.read(
        "insert into block select lane, nextval('seq'), n, bytes, gen_random_uuid(), last_id,"
        " owner, request, at + g * interval '1 s', checksum, frames"
        " from block, generate_series(1, %s) as g",
        blocks,
    )
    eyes.read("update totals set sent = sent + 1000 * %s", blocks)
    eyes.read("analyze block")


@pytest.mark.parametrize("blocks", [999, 9_999])
def test_a_deep_queue_is_looked_at_as_quickly(client: msgq.Client, eyes: Eyes, blocks: int) -> None:
    queue = client.queue("q")
    held = queue.claim(10, wait=5)
    fill(eyes, blocks)
    for look in LOOKS:
        assert eyes.buffers(look) < PAGES, look
    depth = queue.depth()
    assert (depth.waiting, depth.leased) == (1000 * (blocks + 1) - 10, 10)
    assert eyes.read("select waiting from depth('q')") == [{"waiting": depth.waiting}]
    assert len(queue.peek(20)) == 20
    lane = "(select lane from block limit 1)"
    middle = (
        f"select * from find_blocks({lane}, gen_random_uuid(), (select (extract(epoch from at)"
        f" * 1000)::bigint from block where seq = {blocks // 2}), false)"
    )
    assert eyes.buffers(middle) < 40 * PAGES
    for each in held:
        each.ack()


def test_an_old_snapshot_makes_no_look_slow(
    client: msgq.Client, eyes: Eyes, postgres_server: PostgresServer
) -> None:
    fill(eyes, 10)
    with psycopg.connect(postgres_server.dsn) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select 1 from pg_class")
        _work_through(eyes, 600_000)
        eyes.read("vacuum analyze claim")  # finds none that it may remove
        (kept,) = eyes.read("select pg_relation_size('claim') as bytes")
        assert kept["bytes"] > 100 << 20
        eyes.read("select sweep_lane(subscription, lane, 0) from cursor")
        sweep = "select sweep_lane(c.subscription, c.lane, 600000) from cursor c"
        end = (
            "select end_claims(array(select c from claim c where c.gen = 600000"
            " and (c.subscription, c.lane) = (select subscription, lane from cursor)))"
        )
        read = (
            "select * from read_claims(1, 1, 599000, array[(select subscription from cursor)],"
            " array[(select lane from cursor)], '{}')"
        )
        for look in (*LOOKS, sweep, end, read):
            assert eyes.buffers(look) < PAGES, look
        eyes.read("delete from block")  # drained, and the position has passed all of it
        eyes.read("update claim set gen = gen + 1, pos_seq = nextval('seq')")
        eyes.read("select sweep_lane(subscription, lane, 0) from cursor")
        idle = "select * from glance(0, 10000, 0, false, (select array_agg(lane) from cursor))"
        for look in (idle, "select sweep_lane(c.subscription, c.lane, 0) from cursor c"):
            assert eyes.buffers(look) < PAGES, look


def test_nor_what_parks_and_promotes(
    client: msgq.Client, eyes: Eyes, postgres_server: PostgresServer
) -> None:
    client.close()  # it would promote as well
    eyes.read("insert into owner (id, process) values (1, 1)")
    with psycopg.connect(postgres_server.dsn) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select 1 from pg_class")
        for _ in range(3):
            _park(eyes, 20_000, "- interval '1 minute'")
            assert eyes.read("select " + promote(100_000, "true")) == [{"count": 20_000}]
        (kept,) = eyes.read("select count(*) as rows from due_floor")
        assert kept["rows"] == 1
        _park(eyes, 10, "+ interval '1 hour'")
        _park(eyes, 10, "")
        looks = ("select " + promote(100, "false"), *LOOKS, "select due_from()", LOOKS_DUE)
        for look in looks:
            assert eyes.buffers(look) < PAGES, look
        _park(eyes, 10, "- interval '1 minute'")
        assert eyes.read("select " + promote(100, "false")) == [{"count": 0}]
        assert eyes.buffers("select " + promote(100, "true")) > 10 * PAGES  # it reads them all
        (left,) = eyes.read("select count(*) as rows from parked")
        assert left["rows"] == 10


def test_a_dead_letter_is_found_by_its_id_alone(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    (delivery,) = queue.claim(1, wait=5)
    delivery.reject()
    eyes.read(
        "insert into dead_letter (queue, subscription, reason, died_at, id, bytes, checksum,"
        " frames) select queue, subscription, reason, died_at, gen_random_uuid(), bytes, checksum,"
        " frames from dead_letter, generate_series(1, 50000)"
    )
    eyes.read("analyze dead_letter")
    find = f"select * from find_dead((select id from queue), '{{{delivery.id}}}')"
    assert eyes.buffers(find) < PAGES
    assert eyes.buffers("select newest_dead()") < PAGES
    assert queue.find(delivery.id).state == "dead"
    assert queue.redrive(delivery.id, delivery.id) == 1
    assert queue.redrive(delivery.id) == 0
    assert queue.find(delivery.id).state == "waiting"


def promote(most: int, from_left: str) -> str:
    return f"promote(1, nextval('seq'), {most}, {from_left}) as count"


def _park(eyes: Eyes, count: int, due: str) -> None:
    eyes.read(
        "insert into parked (queue, subscription, kind, due, parked_at, id, bytes, checksum,"
        f" frames) select s.queue, 0, 0, now() {due}, now(), gen_random_uuid(), 1, 0, ''"
        " from subscription s, generate_series(1, %s)",
        count,
    )
    eyes.read("update totals set sent = sent + %s, parked = parked + %s", count, count)


def _work_through(eyes: Eyes, count: int) -> None:
    """As many claims and blocks of one message come and go as messages were handled one by one."""
    lane = "(select lane from cursor limit 1)"
    eyes.read(
        f"insert into block select {lane}, nextval('seq'), 1, 1, gen_random_uuid(),"
        " gen_random_uuid(), 0, 0, now(), 0, ''::bytea from generate_series(1, %s)",
        count,
    )
    eyes.read(
        "insert into claim (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner,"
        " request, kind, state, attempt, crashes, is_suspect, until, lease_ms, n, pos_seq,"
        " pos_index, prev_gen)"
        " select c.subscription, c.lane, g, g, 0, g + 1, 0, 1, 1, 0, 1, 1, 0, false, now(), 1, 1,"
        " 1, 0, g - 1 from cursor c, generate_series(1, %s) as g",
        count,
    )
    eyes.read("select setval('gen', %s)", count)
    eyes.read("delete from claim where gen < (select max(gen) from claim)")
    eyes.read("delete from block where n = 1")
