"""pgmq: the SQL that its Python package carries, psycopg, batches of 1,000, a loop around it.

Plan: dsn, kind (one, bulk, both), seconds. Gives `per_s`; of `both` what was handled and deleted.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pgmq.install import get_embedded_install_sql
from psycopg.types.json import Jsonb

from benchmarks.peers.common import (
    AHEAD_MAX,
    BATCH,
    CALL,
    Counter,
    count,
    main,
    rate_of,
    start_producer,
)

QUEUE = "bench"


def connect(plan: Mapping[str, Any]) -> psycopg.Connection[Any]:
    return psycopg.connect(plan["dsn"], autocommit=True)


def produce(plan: Mapping[str, Any], sent: Counter, done: Counter) -> None:
    """Send batches, not too far ahead when somebody handles; single messages for `one`."""
    send = "select pgmq.send(%s::text, %s::jsonb)"
    send_batch = "select pgmq.send_batch(%s::text, %s::jsonb[])"
    with connect(plan) as connection:
        while True:
            if plan["kind"] == "both" and sent.value - done.value >= AHEAD_MAX:
                time.sleep(0.0005)
            elif plan["kind"] == "one":
                connection.execute(send, [QUEUE, Jsonb(CALL)])
                sent.add(1)
            else:
                connection.execute(send_batch, [QUEUE, [Jsonb(CALL)] * BATCH])
                sent.add(BATCH)


def handle(plan: Mapping[str, Any], done: Counter) -> None:
    read = "select msg_id, message from pgmq.read_with_poll(%s::text, 30, %s::integer, 1, 10)"
    delete = "select pgmq.delete(%s::text, %s::bigint[])"
    with connect(plan) as connection:
        while True:
            rows = connection.execute(read, [QUEUE, BATCH]).fetchall()
            for _, message in rows:
                count(**message)
            connection.execute(delete, [QUEUE, [number for number, _ in rows]])
            done.add(len(rows))


def work(plan: Mapping[str, Any]) -> float:
    with connect(plan) as connection:
        connection.execute(get_embedded_install_sql())
        connection.execute("select pgmq.create(%s)", [QUEUE])
    sent, done = Counter(), Counter()
    producer = start_producer(produce, plan, sent, done)
    if plan["kind"] == "both":
        threading.Thread(target=handle, args=(plan, done), daemon=True).start()
    rate = rate_of(done if plan["kind"] == "both" else sent, plan["seconds"])
    producer.kill()
    return rate


if __name__ == "__main__":
    main(work)
