"""Redriving or deleting all dead letters ends, also when each one that goes is followed by another.

Triggers in the store stand for handlers that fail at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

import msgq
from tests.support.eyes import Eyes, schema_of
from tests.support.postgres import PostgresServer

COUNT = 1_050  # more than one step takes
COLUMNS = (
    "id, type, content, headers, body, deliveries, failures, crashes, history, enqueued_ms,"
    " queue, subscription, reason, died_ms, priority, expires_ms"
)
Act = Callable[[msgq.Queue], int]
both_acts = pytest.mark.parametrize("act", [msgq.Queue.redrive, msgq.Queue.delete_dead])


def kill(client: msgq.Client) -> msgq.Queue:
    queue = client.queue("q")
    queue.enqueue_many([b"x"] * COUNT)
    for each in queue.claim(COUNT, wait=5):
        each.reject()
    assert queue.depth().dead == COUNT
    return queue


@both_acts
def test_on_sqlite(act: Act) -> None:
    with msgq.connect("sqlite:///q.db", profile="test") as client:
        kill(client)
    store = sqlite3.connect("q.db")
    olds = ", ".join("old." + name for name in COLUMNS.split(", "))
    store.execute(
        f"create trigger again after delete on dead begin insert into dead (number, {COLUMNS})"
        f" values (old.number + 1000000, {olds}); end"
    )
    store.close()
    with msgq.connect("sqlite:///q.db", profile="test") as client:
        assert act(client.queue("q")) == COUNT


@both_acts
def test_on_postgresql(act: Act, postgres_url: str, postgres_server: PostgresServer) -> None:
    with msgq.connect(postgres_url, profile="test") as client:
        queue = kill(client)
        eyes = Eyes(postgres_server, schema_of(postgres_url))
        eyes.read(
            "create function again() returns trigger language plpgsql as $$ begin"
            " insert into dead_letter (queue, subscription, reason, died_at, id, bytes, checksum,"
            " frames) values (old.queue, old.subscription, old.reason, old.died_at, old.id,"
            " old.bytes, old.checksum, old.frames); return null; end $$"
        )
        eyes.read(
            "create trigger again after delete on dead_letter for each row"
            f" execute function {schema_of(postgres_url)}.again()"
        )
        eyes.read("alter function again() set search_path from current")
        assert act(queue) == COUNT
        one = queue.dead(1)[0].id
        assert queue.redrive(one) == 1  # by its id, and it died again before the call was over
        eyes.connection.close()
