"""The views of a PostgreSQL store: what people and monitors read with SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import msgq
from tests.support.eyes import Eyes, schema_of
from tests.support.postgres import PostgresServer


@pytest.fixture
def client(postgres_url: str) -> Iterator[msgq.Client]:
    with msgq.connect(postgres_url, profile="test") as client:
        yield client


@pytest.fixture
def eyes(postgres_server: PostgresServer, postgres_url: str) -> Iterator[Eyes]:
    eyes = Eyes(postgres_server, schema_of(postgres_url))
    yield eyes
    eyes.connection.close()


def test_messages_are_decoded(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("emails")
    sent = [
        queue.enqueue({"to": "ada", "n": [1, None]}, headers={"trace": "x"}),
        queue.enqueue("h\u00e9llo"),
        queue.enqueue(b"\x00\xff"),
        queue.enqueue("later", delay="1h"),
    ]
    rows = {row["id"]: row for row in eyes.read("select * from messages")}
    json_row, text, raw, parked = (rows.pop(each.id) for each in sent)
    assert rows == {}
    assert json_row["body_json"] == {"to": "ada", "n": [1, None]}
    assert json.loads(json_row["body_text"]) == json_row["body_json"]
    assert (json_row["headers"], json_row["content"]) == ({"trace": "x"}, "json")
    assert (text["body_json"], text["headers"]) == ("h\u00e9llo", None)
    assert (raw["body"], raw["body_text"], raw["content"]) == (b"\x00\xff", None, "bytes")
    assert {row["state"] for row in (json_row, text, raw)} == {"waiting"}
    assert (parked["state"], parked["body_json"], parked["lane"]) == ("parked", "later", None)
    assert 3500 < (parked["due_at"] - parked["enqueued_at"]).total_seconds() <= 3601
    assert all(row["due_at"] is None and row["queue"] == "emails" for row in (json_row, text, raw))


def test_what_was_sent_as_text_by_sql_is_text(client: msgq.Client, eyes: Eyes) -> None:
    eyes.read("select enqueue('q', 'h\u00e9llo'::text)")
    (delivery,) = client.queue("q").claim(1, wait=20)
    (row,) = eyes.read("select * from messages")
    assert (row["content"], row["body_text"], row["body_json"]) == ("text", "h\u00e9llo", None)
    delivery.ack()


def test_messages_with_dedup_ids_are_decoded(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    queue.enqueue_many([b"1", b"2"], dedup=["a", None], ttl="1h")
    queue.enqueue_many([b"3", b"4"], dedup=[None, "b"], key="k")
    rows = eyes.read("select body, expires_at is null as never from messages order by body")
    assert [(row["body"], row["never"]) for row in rows] == [
        (b"1", False), (b"2", False), (b"3", True), (b"4", True),
    ]  # fmt: skip


def test_ids_and_bodies_are_those_that_the_library_reads(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    for size in (1, 2, 700):  # more than 255, where the counter carries into the next byte
        queue.enqueue_many([f"{size}/{n}" for n in range(size)])
    read = eyes.read("select id, body, enqueued_at as at from messages")
    told = list(queue.messages())
    assert len(told) == 703
    assert {(row["id"], row["body"]) for row in read} == {(m.id, m.body) for m in told}
    assert {row["at"] for row in read} == {m.enqueued_at for m in told}


def test_what_is_leased_done_and_returned_shows(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    queue.enqueue_many([b"%d" % n for n in range(10)])
    first, second, third, fourth = queue.claim(4, wait=5)
    first.ack()
    second.retry(delay="1h")
    third.reject("no")
    states = "select state, count(*) as n, max(attempt) as attempt from messages group by 1"
    assert {row["state"]: (row["n"], row["attempt"]) for row in eyes.read(states)} == {
        "waiting": (6, 0), "leased": (1, 1), "parked": (1, 1),
    }  # fmt: skip
    (lease,) = eyes.read("select * from leases")
    assert (lease["queue"], lease["messages"], lease["attempt"]) == ("q", 1, 1)
    assert lease["pid"] > 0
    assert lease["host"]
    assert 0 <= lease["age"].total_seconds() < 60
    (row,) = eyes.read("select * from queues")
    figures = {name: row[name] for name in ("waiting", "leased", "parked", "done", "dead", "sent")}
    assert figures == {"waiting": 6, "leased": 1, "parked": 1, "done": 1, "dead": 1, "sent": 10}
    assert row["oldest_age"].total_seconds() < 60
    (depth,) = eyes.read("select * from depth('q')")
    assert {name: depth[name] for name in depth if name in figures} == {
        name: figures[name] for name in figures if name != "sent"
    }
    assert eyes.read("select * from depth('nobody')") == []
    (dead,) = eyes.read("select * from dead")
    assert (dead["queue"], dead["id"], dead["reason"]) == ("q", third.id, "no")
    assert (dead["body"], dead["attempts"]) == (b"2", 1)
    assert [each["text"] for each in dead["history"]] == ["no"]
    fourth.ack()


def test_a_dead_letter_shows_its_history(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=20)
    delivery.retry(0.0, "first")
    (delivery,) = queue.claim(1, wait=20)
    delivery.reject("enough")
    (dead,) = eyes.read("select * from dead")
    assert (dead["attempts"], dead["failures"], dead["crashes"]) == (2, 2, 0)
    assert "first" in json.dumps(dead["history"][0])


def test_priority_and_expiry_are_shown(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    queue.enqueue(b"plain")
    queue.enqueue(b"urgent", priority=9, ttl="1h")
    queue.enqueue(b"parked", priority=2, ttl="2h", delay="1h")
    columns = "select body, priority, expires_at is null as lasts from"
    assert eyes.read(f"{columns} messages order by body") == [
        {"body": b"parked", "priority": 2, "lasts": False},
        {"body": b"plain", "priority": 5, "lasts": True},
        {"body": b"urgent", "priority": 9, "lasts": False},
    ]
    (urgent,) = queue.claim(1, wait=20)
    (leased,) = eyes.read("select priority, expires_at from messages where state = 'leased'")
    assert (leased["priority"], leased["expires_at"]) == (9, urgent.expires_at)
    urgent.reject("no")
    (dead,) = eyes.read("select priority, expires_at from dead")
    assert (dead["priority"], dead["expires_at"]) == (9, urgent.expires_at)


def test_a_damaged_block_is_left_out_and_raises_nothing(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    queue.enqueue(b"whole")
    queue.enqueue_many([b"%d" % n for n in range(20)])
    (block,) = eyes.read("select seq, frames from block where n = 20")
    frames: bytes = block["frames"]
    # Each byte wrong, and each length that is too short.
    (sane,) = eyes.read(
        "select max(n) as n from ("
        " select (select count(*) from decode_block(set_byte(f, g, 255 - get_byte(f, g)))) as n"
        " from (select %s::bytea as f) as one, generate_series(0, length(f) - 1) as g"
        " union all select (select count(*) from decode_block(substring(f from 1 for g)))"
        " from (select %s::bytea as f) as one, generate_series(0, length(f) - 1) as g) as each",
        frames,
        frames,
    )
    assert sane["n"] <= 20
    for damaged in (frames[:-1] + b"\xff", frames[:20], b""):
        eyes.read("update block set frames = %s where seq = %s", damaged, block["seq"])
        assert [row["body"] for row in eyes.read("select body from messages")] == [b"whole"]
    assert eyes.read("select * from decode_block(null)") == []
    eyes.read("update block set frames = %s where seq = %s", frames, block["seq"])
    assert eyes.read("select count(*) as n from messages") == [{"n": 21}]
    eyes.read("insert into dead_letter (queue, subscription, reason, died_at, id, bytes, checksum,"
              " frames) select q.id, s.id, 'x', now(), gen_random_uuid(), 1, 1, ''"
              " from queue q join subscription s on s.queue = q.id")  # fmt: skip
    (dead,) = eyes.read("select * from dead")
    assert (dead["reason"], dead["body"]) == ("x", None)
    eyes.read("delete from dead_letter")


def test_looking_at_the_first_messages_reads_the_first_block_alone(
    client: msgq.Client, eyes: Eyes
) -> None:
    queue = client.queue("q")
    queue.enqueue_many([b"%d" % n for n in range(1000)])
    eyes.read(
        "insert into block select lane, nextval('seq'), n, bytes, first_id, last_id, owner,"
        " request, at, checksum, frames from block, generate_series(1, 2000)"
    )
    eyes.read("analyze block")
    for sql in (
        "select * from messages limit 10",
        "select id from messages where queue = 'q' limit 5",
    ):
        assert eyes.buffers(sql) < 60, sql


def test_rates_tell_what_was_folded(client: msgq.Client, eyes: Eyes) -> None:
    queue = client.queue("q")
    queue.enqueue_many([b"%d" % n for n in range(120)])
    acked, retried, rejected, snoozed = queue.claim(4, wait=5)
    acked.ack()
    retried.retry(delay="1h")
    rejected.reject("no")
    snoozed.snooze("1h")
    client.close()  # what it left is folded
    rates = {row["minutes"]: row for row in eyes.read("select * from rates")}
    assert sorted(rates) == [1, 5, 15]
    for minutes, row in rates.items():
        seconds = 60 * minutes
        assert row["queue"] == "q"
        assert [round(row[name] * seconds) for name in ("sent", "done", "failed")] == [120, 1, 2]
    eyes.read("update rate set at = at - interval '2 minutes'")
    later = {row["minutes"]: row["sent"] for row in eyes.read("select * from rates")}
    assert later[1] == 0
    assert later[5] == pytest.approx(120 / 300)
    eyes.read("update rate set at = at - interval '20 minutes'")
    eyes.read("select clear_away(0)")
    assert eyes.read("select 1 from rate") == []


def test_two_may_fold_at_once(
    client: msgq.Client, eyes: Eyes, postgres_server: PostgresServer, postgres_url: str
) -> None:
    client.queue("q").enqueue(b"x")
    other = Eyes(postgres_server, schema_of(postgres_url))
    with eyes.connection.transaction():
        eyes.read("insert into rate (subscription, sent, done, failed) values (1, 1, 1, 1)")
        other.read("set lock_timeout = '10ms'")
        other.read("insert into rate (subscription, sent, done, failed) values (1, 1, 1, 1)")
    other.connection.close()
    assert len(eyes.read("select 1 from rate where subscription = 1")) == 2
