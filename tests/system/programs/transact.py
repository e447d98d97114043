"""A worker whose handler writes a row, sends a message and acknowledges in one transaction.

Orders: run, settings, table (of the rows), sent (queue of the messages), dsn; die_at (a step of
the handler) and die_on (at which time it is reached): there the process ends itself by SIGKILL.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from typing import Any

import psycopg

import msgq
from tests.system.programs.common import key_of, say, say_ready, spec

STEPS = ("begun", "inserted", "sent", "acknowledged", "committed")
app = msgq.App(**spec.get("settings", {}))
_sent = app.queue(spec["sent"])
_reached = itertools.count(1)
_local = threading.local()


def reach(step: str) -> None:
    """Dies here when this is the place."""
    if step == spec.get("die_at") and next(_reached) == spec["die_on"]:
        os.kill(os.getpid(), signal.SIGKILL)


def connection() -> Any:
    """One connection a thread."""
    if not hasattr(_local, "conn"):
        _local.conn = psycopg.connect(spec["dsn"])
    return _local.conn


def act(conn: Any, body: bytes) -> None:
    reach("begun")
    key = key_of(body)
    conn.execute(f"insert into {spec['table']} values (%s)".encode(), [key])
    reach("inserted")
    _sent.enqueue(key.encode(), conn=conn)
    reach("sent")


@app.handler(queue=spec["queue"], name="*", retry=msgq.RetryPolicy(base=0.01, max_attempts=1_000))
def handle(body: bytes, ctx: msgq.Context) -> None:
    """By turns in either way: a block that ends with the ack, or the ack by hand."""
    conn = connection()
    if int(key_of(body)[-1]) % 2:
        with ctx.transaction(conn):
            act(conn, body)
    else:
        act(conn, body)
        ctx.ack(conn=conn)
        reach("acknowledged")
        conn.commit()
    reach("committed")


def main() -> int:
    threading.Thread(target=say_ready, daemon=True).start()
    left = app.run(**spec.get("run", {}))
    say("left", unfinished=left)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
