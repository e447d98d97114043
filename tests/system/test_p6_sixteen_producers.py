"""P6: sixteen producers on one queue, some held between their lock and their commit.

While workers run, transactions that have taken their place in the lane are kept from committing,
again and again. Nobody overtakes them and nobody skips them: nothing is lost, nothing comes twice,
and what one producer sent is handled in the order in which it was sent.
"""

from __future__ import annotations

import signal
from collections import defaultdict
from itertools import pairwise

import psycopg
import pytest

from tests.oracle import Limits
from tests.oracle.history import History
from tests.support.postgres import PostgresServer
from tests.system.support.world import World

SESSIONS = 16
# Every ninth block waits, behind its insert and before its commit, while the test holds this lock.
LOCK = 7_801
HOLD = f"""
create function {{schema}}.hold() returns trigger language plpgsql as $$ begin
  if new.seq % 9 = 0 then perform pg_advisory_xact_lock_shared({LOCK}); end if;
  return null;
end $$;
create constraint trigger hold after insert on {{schema}}.block deferrable initially deferred
for each row execute function {{schema}}.hold()
"""


def inversions(history: History) -> list[tuple[str, str]]:
    """Pairs of one producer's messages that were handled in another order than they were sent."""
    handled: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for each in history.deliveries:
        producer, number, _ = each.id.split(":")
        handled[producer].append((int(number), each.id))
    return [
        (earlier[1], later[1])
        for numbers in handled.values()
        for earlier, later in pairwise(numbers)
        if earlier[0] > later[0]
    ]


def produce_held(
    world: World, server: PostgresServer, processes: int, messages: int, workers: int,
    lanes: int = 1,
) -> History:  # fmt: skip
    """Send from sixteen sessions, hold commits back meanwhile; drain and judge."""
    schema = world.url.rpartition("schema=")[2]
    world.depth()
    server.execute(HOLD.format(schema=schema))
    settings = {"concurrency": 1} if workers == 1 else {}
    holder = psycopg.connect(server.dsn, autocommit=True)
    holder.execute("select pg_advisory_lock(%s)", [LOCK])
    crew = [world.start("work", f"worker-{n}", settings=settings) for n in range(workers)]
    programs = [
        world.start(
            "producers",
            f"producer-{n}",
            count=SESSIONS // processes,
            messages=messages,
            lanes=lanes,
        )
        for n in range(processes)
    ]
    for program in [*crew, *programs]:
        program.expect("ready", 60)
    holds = 0
    with holder:
        while not all(each.said("sent") for each in programs):
            for each in programs:
                assert each.process.poll() in (None, 0), each.words()
            world.listen(world.random.uniform(0.1, 0.4))
            stuck = "select count(*) from pg_locks where not granted and objid = %s"
            holds += holder.execute(stuck, [LOCK]).fetchone() != (0,)
            holder.execute("select pg_advisory_unlock(%s)", [LOCK])
            world.listen(world.random.uniform(0.02, 0.2))
            holder.execute("select pg_advisory_lock(%s)", [LOCK])
    for program in programs:
        assert program.wait() == 0, program.words()
    world.drained()
    for worker in crew:
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    world.note_end()
    history = world.history()
    verdict = world.judge(
        Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True, needs_settled=True),
        history,
    )
    assert verdict.accounting.acknowledged == SESSIONS * messages
    assert holds > 0, "nobody was held between lock and commit"
    print(f"{holds} times somebody was held")
    return history


@pytest.mark.parametrize("lanes", [1, 16])
def test_p6_one_worker_sees_no_inversion(
    pg_world: World, postgres_server: PostgresServer, lanes: int
) -> None:
    history = produce_held(
        pg_world, postgres_server, processes=2, messages=40, workers=1, lanes=lanes
    )
    assert inversions(history) == []


@pytest.mark.torture_pg
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.timeout(400)
def test_p6_sixteen_processes(
    pg_world: World, postgres_server: PostgresServer, workers: int
) -> None:
    history = produce_held(pg_world, postgres_server, SESSIONS, messages=500, workers=workers)
    if workers == 1:
        assert inversions(history) == []
