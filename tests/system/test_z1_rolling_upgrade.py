"""Z1: workers and producers of schema version 1 and of today's on one schema, upgraded under load.

The old ones make the tables; a new one comes and upgrades them while the old go on sending and
handling; then the old leave one by one. Nothing is lost, nothing comes twice.
"""

from __future__ import annotations

import signal

import pytest

from tests.oracle import Limits
from tests.support.postgres import PostgresServer
from tests.system.support import old_msgq
from tests.system.support.program import Program
from tests.system.support.storm import SETTINGS
from tests.system.support.world import World

LOAD = {"parcel": 20, "pace_s": 0.02}


@pytest.mark.torture_pg
@pytest.mark.timeout(900)
def test_z1_upgraded_under_load(lone_world: World, own_postgres: PostgresServer) -> None:
    world, old = lone_world, old_msgq.environ()

    def start(age: str, environ: dict[str, str]) -> list[Program]:
        made = [world.start("produce", f"{age}-producer", environ, **LOAD),
                world.start("work", f"{age}-worker", environ, settings=SETTINGS)]  # fmt: skip
        for each in made:
            each.expect("ready", 60)
        return made

    def version() -> int:
        return int(own_postgres.execute("select max(version) from msgq.meta")[0][0])

    old_ones = start("old", old)
    assert version() == 1
    world.listen(1.0)
    new_ones = start("new", {})
    assert version() > 1, "nobody upgraded"
    world.listen(2.0)
    own_postgres.terminate_connections()  # the old find their way back beside the new schema
    world.listen(2.0)
    for producer, worker in (old_ones, new_ones):
        producer.tell("end")
        assert producer.wait() == 0, producer.words()
        assert producer.said("refused") == []
        if worker is new_ones[1]:
            world.drained(60)
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    world.note_end()
    history = world.history()
    assert {each.client for each in history.deliveries} == {"old-worker", "new-worker"}
    world.judge(
        Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True, needs_settled=True),
        history,
    )
