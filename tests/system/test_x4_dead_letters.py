"""X4: where a dead letter cannot be written the message stays; nothing is dropped.

The table of dead letters refuses. A full disk is waited for: the worker goes on by itself. A
missing right, or a trigger, ends the worker with a typed error. Either way everything is still
there, and once the table takes rows again the good messages are done and the dead letter is there,
once.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.support.postgres import PostgresServer
from tests.system.programs.common import body_of
from tests.system.support.program import Program
from tests.system.support.world import World

GOOD = 20


def refuse(world: World, server: PostgresServer, state: str) -> Callable[[], object]:
    """Have the table of dead letters answer with this SQLSTATE; the result makes it well again."""
    schema = world.url.rpartition("schema=")[2]
    server.execute(
        f"create function {schema}.object() returns trigger language plpgsql as $$ begin "
        f"raise 'no dead letters today' using errcode = '{state}'; end $$; "
        f"create trigger object before insert on {schema}.dead_letter "
        f"for each row execute function {schema}.object()"
    )
    return lambda: server.execute(f"drop trigger object on {schema}.dead_letter")


def send(world: World) -> None:
    """Good messages, and one among them that its handler rejects."""
    keys = [f"good-{number}" for number in range(GOOD)]
    keys.insert(GOOD // 2, "reject-0")
    world.queue().enqueue_many([body_of(key) for key in keys])


def start_worker(world: World, name: str) -> Program:
    return world.start("rejecting", name, settings={"lease": 2.0})


def finish(world: World, worker: Program) -> None:
    """Wait until all is settled, each once."""
    world.until(lambda: world.depth().depth == 0, "all settled")
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0, worker.words()
    assert (world.depth().done, world.depth().sent) == (GOOD, GOOD + 1)
    (dead,) = world.dead()
    assert dead.body == body_of("reject-0")
    assert "not wanted" in dead.reason


def test_x4_a_full_disk_is_waited_for(pg_world: World, postgres_server: PostgresServer) -> None:
    send(pg_world)
    mend = refuse(pg_world, postgres_server, "53100")
    worker = start_worker(pg_world, "worker")
    worker.expect("rejecting", count=2)
    assert (pg_world.depth().dead, pg_world.depth().sent) == (0, GOOD + 1)
    mend()
    finish(pg_world, worker)


@pytest.mark.parametrize("state", ["42501", "P0001"])
def test_x4_a_refusal_ends_the_worker_and_keeps_the_message(
    pg_world: World, postgres_server: PostgresServer, state: str
) -> None:
    send(pg_world)
    mend = refuse(pg_world, postgres_server, state)
    worker = start_worker(pg_world, "worker")
    assert worker.wait(60) == 1, worker.words()
    assert f"StoreRejectedError: PostgreSQL: no dead letters today [SQLSTATE {state}]" in (
        worker.words()
    )
    depth = pg_world.depth()
    assert (depth.dead, depth.sent) == (0, GOOD + 1)
    assert depth.depth + depth.done == GOOD + 1
    mend()
    finish(pg_world, start_worker(pg_world, "again"))
