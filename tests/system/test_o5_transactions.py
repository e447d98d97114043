"""O5: a handler's row, what it sends and its message's end are one transaction; its worker dies.

The worker is killed at every step of the handler, and at any moment between. In the end each
message has one row, was passed on once and is done: nothing is lost, nothing happens twice.
"""

from __future__ import annotations

import itertools
import signal
from collections import Counter
from typing import Any

import psycopg
import pytest

from tests.support.drivers import dsn
from tests.system.support.world import QUEUE, World

# of tests.system.programs.transact; the last means: at any moment
STEPS = ("begun", "inserted", "sent", "acknowledged", "committed", "")
SENT = "passed_on"
SETTINGS = {"concurrency": 3, "lease": 3.0}


def kill_transactions(world: World, kills: int) -> None:
    """Feed, kill and restart a worker so many times, let another finish, and count."""
    schema = world.url.partition("&schema=")[2]
    queue, sent, table = world.queue(), world.queue(SENT), f"{schema}.effect"
    queue.depth()  # makes the schema
    with psycopg.connect(dsn(world.url)) as conn:
        conn.execute(f"create table {table} (key text)".encode())
    spec: dict[str, Any] = {
        "settings": SETTINGS,
        "table": table,
        "sent": SENT,
        "dsn": dsn(world.url),
    }
    keys: list[str] = []
    for number, step in zip(range(kills), itertools.cycle(STEPS)):
        fresh = [f"m{number}.{index}" for index in range(12)]
        queue.enqueue_many([each.encode() + b"|" for each in fresh])
        keys += fresh
        die: dict[str, Any] = {"die_at": step, "die_on": world.random.randint(1, 5)} if step else {}
        worker = world.start("transact", f"worker-{number}", **spec, **die)
        if step:
            assert worker.wait() == -signal.SIGKILL, worker.words()
        else:
            worker.expect("ready")
            world.listen(world.random.uniform(0.0, 0.1))
            worker.kill()
    last = world.start("transact", "last", **spec)
    world.drained()
    last.send(signal.SIGTERM)
    assert last.wait() == 0, last.words()
    with psycopg.connect(dsn(world.url)) as conn:
        rows = Counter(row[0] for row in conn.execute(f"select key from {table}".encode()))
    passed_on: Counter[str] = Counter()
    while found := sent.claim(1_000, wait=1):
        passed_on.update(each.body.decode() for each in found)
    once = Counter(keys)
    assert rows == once
    assert passed_on == once
    depth = world.depth(QUEUE)
    assert (depth.sent, depth.done, depth.dead) == (len(keys), len(keys), 0)


@pytest.fixture(autouse=True)
def forgiving(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message is given up, however often its worker dies: who finds the dead decides that."""
    monkeypatch.setenv("MSGQ_CRASHES_MAX", "1000")


def test_o5_a_dozen_kills(pg_world: World) -> None:
    kill_transactions(pg_world, 12)


@pytest.mark.torture_pg
@pytest.mark.timeout(600)
def test_o5_two_hundred_kills(pg_world: World) -> None:
    kill_transactions(pg_world, 200)
