"""K2: producers die while they send, and no parcel arrives in part.

Two producers send parcels of 100 while two workers handle. A producer is killed with SIGKILL just
as it sends, and started again. Every acknowledged message is handled once; of a parcel whose answer
the producer did not live to see, either all 100 messages arrive or none; and at most one parcel a
kill arrives unacknowledged.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.oracle import Limits, recovered_bound
from tests.oracle.history import History
from tests.system.support.program import Program
from tests.system.support.world import World
from tests.system.test_k1_worker_kills import finish

PARCEL = 100


def start_producer(world: World, name: str) -> Program:
    return world.start("produce", name, parcel=PARCEL, pace_s=0.05)


def kill_producers(world: World, kills: int) -> None:
    """Kill and restart producers in mid-parcel, drain, judge."""
    workers = [world.start("work", f"worker-{index}") for index in range(2)]
    producers = [start_producer(world, f"producer-{index}.0") for index in range(2)]
    for program in [*workers, *producers]:
        program.expect("ready")
    for number in range(1, kills + 1):
        world.listen(world.random.uniform(0.1, 0.4))
        chosen = world.random.randrange(len(producers))
        victim = producers[chosen]
        victim.expect("sending", count=len(victim.said("sending")) + 1)
        world.listen(world.random.uniform(0.0, 0.004))
        world.kill(victim)
        producers[chosen] = start_producer(world, f"producer-{chosen}.{number}")
    for producer in producers:
        producer.expect("ready")
    finish(world, producers, workers)
    world.note_end()
    history = world.history()
    bound = recovered_bound(producer_kills=kills, in_flight=PARCEL)
    verdict = world.judge(
        Limits(duplicated_max=0, recovered_max=bound, needs_empty_end=True, needs_settled=True),
        history,
    )
    print(f"{kills} kills, {verdict.accounting.recovered // PARCEL} parcels recovered")
    assert partial_parcels(history) == {}


def partial_parcels(history: History) -> dict[str, int]:
    """Parcels of which some messages arrived and some did not."""
    received = {each.id.rpartition(":")[0]: 0 for each in history.sends}
    received.update(Counter(each.rpartition(":")[0] for each in {d.id for d in history.deliveries}))
    return {parcel: count for parcel, count in received.items() if count not in (0, PARCEL)}


def test_k2_a_few_kills(world: World) -> None:
    kill_producers(world, 4)


@pytest.mark.torture
@pytest.mark.timeout(240)
def test_k2_thirty_kills(world: World) -> None:
    kill_producers(world, 30)
