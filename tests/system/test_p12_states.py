"""P12: each state that a server answers with is tried again or told at once, as failure.cpp says.

A trigger answers for the server the first times a block is written. A full disk is a real one.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

import msgq
from tests.support.postgres import DATABASE, PostgresServer

TIMES = 3
REFUSE = """
create sequence {schema}.refusals;
create function {schema}.refuse() returns trigger language plpgsql as $$
begin
  if nextval('{schema}.refusals') <= {times} then {what}; end if;
  return new;
end $$;
create trigger refuse before insert on {schema}.block
for each row execute function {schema}.refuse();
"""
RAISED = "raise exception 'provoked' using errcode = '{state}'"
PASSES = {
    "serialization_failure": "40001",
    "deadlock_detected": "40P01",
    "too_many_connections": "53300",
    "out_of_memory": "53200",
    "lock_not_available": "55P03",
    "query_canceled": "57014",
    "cannot_connect_now": "57P03",
    "io_error": "58030",
    "read_only_sql_transaction": "25006",
}
STAYS = {
    "disk_full": ("53100", msgq.StoreFullError),
    "check_violation": ("23514", msgq.StoreRejectedError),
    "data_corrupted": ("XX001", msgq.StoreRejectedError),
    "insufficient_privilege": ("42501", msgq.StoreRejectedError),
}


def provoke(server: PostgresServer, schema: str, what: str, times: int = TIMES) -> None:
    text = REFUSE.format(schema=schema, what=what, times=times)
    server.execute(text)


def tries(server: PostgresServer, schema: str) -> int:
    ((count,),) = server.execute(f"select last_value::int from {schema}.refusals")
    return int(count)


def bodies(queue: msgq.Queue) -> list[bytes]:
    """Takes everything out of the queue."""
    found: list[bytes] = []
    while deliveries := queue.claim(100):
        for each in deliveries:
            found.append(each.body)
            each.ack()
    return found


@pytest.mark.parametrize("state", PASSES.values(), ids=PASSES.keys())
def test_p12_what_passes_is_tried_again(
    postgres_server: PostgresServer, postgres_url: str, state: str
) -> None:
    schema = postgres_url.rpartition("schema=")[2]
    with msgq.connect(postgres_url) as client:
        queue = client.queue("q")
        queue.enqueue(b"before")
        provoke(postgres_server, schema, RAISED.format(state=state))
        queue.enqueue(b"through")
        assert tries(postgres_server, schema) == TIMES + 1
        assert bodies(queue) == [b"before", b"through"]


@pytest.mark.parametrize(("state", "error"), STAYS.values(), ids=STAYS.keys())
def test_p12_what_stays_is_told_at_once(
    postgres_server: PostgresServer, postgres_url: str, state: str, error: type[msgq.MsgqError]
) -> None:
    schema = postgres_url.rpartition("schema=")[2]
    with msgq.connect(postgres_url) as client:
        queue = client.queue("q")
        queue.enqueue(b"before")
        provoke(postgres_server, schema, RAISED.format(state=state), times=1)
        with pytest.raises(error, match=state):
            queue.enqueue(b"refused")
        queue.enqueue(b"after")
        assert bodies(queue) == [b"before", b"after"]


def test_p12_a_session_that_ends_inside_the_exchange_is_asked_after(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """admin_shutdown: 57P01, in the middle of a write, three times."""
    schema = postgres_url.rpartition("schema=")[2]
    with msgq.connect(postgres_url) as client:
        queue = client.queue("q")
        queue.enqueue(b"before")
        provoke(postgres_server, schema, "perform pg_terminate_backend(pg_backend_pid())")
        queue.enqueue(b"through")
        assert bodies(queue) == [b"before", b"through"]
        assert client.stats().connections.reconnects >= TIMES


def test_p12_no_connection_left_is_waited_for(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """too_many_connections: the sessions end, and for a while no new one is let in."""
    schema = postgres_url.rpartition("schema=")[2]
    msgq.connect(postgres_url).open().close()
    postgres_server.execute("create role crowd login")
    try:
        for what in (f"schema {schema}", f"all tables in schema {schema}",
                     f"all sequences in schema {schema}"):  # fmt: skip
            postgres_server.execute(f"grant all on {what} to crowd")
        url = f"postgresql://crowd@127.0.0.1:{postgres_server.port}/{DATABASE}?schema={schema}"
        with msgq.connect(url) as client:
            queue = client.queue("q")
            queue.enqueue(b"before")
            postgres_server.execute("alter role crowd connection limit 0")
            postgres_server.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where usename = 'crowd'"
            )
            receipt = queue.enqueue_later(b"through")
            with pytest.raises(msgq.WaitTimeoutError):
                receipt.wait(0.3)
            postgres_server.execute("alter role crowd connection limit -1")
            receipt.wait(20)
            assert bodies(queue) == [b"before", b"through"]
    finally:
        postgres_server.execute("drop owned by crowd")
        postgres_server.execute("drop role crowd")


def fill(queue: msgq.Queue) -> int:
    """Sends until the disk is full; how many messages were acknowledged."""
    kept = 0
    with contextlib.suppress(msgq.StoreFullError):
        while kept < 1_000:
            queue.enqueue(os.urandom(200_000))
            kept += 1
    return kept


def test_p12_a_full_disk_loses_nothing_and_settles_go_on(
    small_disk: Path, own_postgres: PostgresServer
) -> None:
    own_postgres.execute(f"create tablespace small location '{small_disk}'")
    with msgq.connect(own_postgres.url) as client:
        queue = client.queue("q")
        queue.enqueue(b"first")
        own_postgres.execute("alter table msgq.block set tablespace small")
        kept = 1 + fill(queue)
        assert 10 < kept < 1_000
        assert queue.depth().waiting == kept
        found = bodies(queue)
        assert len(found) == kept, "every one that was acknowledged, and settled on the full disk"
        assert queue.depth().depth == 0
        own_postgres.execute("alter table msgq.block set tablespace pg_default")
        queue.enqueue(b"room again")
        assert bodies(queue) == [b"room again"]
    own_postgres.execute("drop tablespace small")
