"""Processes share the keys of a queue while messages of all of them keep coming.

One worker holds messages of every shard; a second comes and gets its part; it dies, and the first
has all of them again. Each key stays in order through it all.
"""

from __future__ import annotations

import signal
from typing import Any

from tests.oracle import Limits, duplicate_bound
from tests.system.support.key_order import Place, broken_orders
from tests.system.support.program import Program
from tests.system.support.world import World

KEYS = 32
SLOTS, AHEAD = 8, 24
HELD = (SLOTS + AHEAD) * 3 // 2  # as in K1
# More than one worker handles, so that it never lets a shard go.
FLOW: dict[str, Any] = {"parcel": 4, "pace_s": 0.02, "keys": KEYS, "says": False}
WORKER: dict[str, Any] = {
    "settings": {"concurrency": SLOTS, "prefetch": AHEAD},
    "run": {},
    "hold_s": 0.06,
    "says": True,
}


def place_of(message: str) -> Place:
    """A producer's parcels take its keys in turn."""
    _, parcel, index = message.split(":")
    return str(int(parcel) % KEYS), (int(parcel), int(index))


def handled(worker: Program, since: int = 0) -> set[str]:
    """The keys that it began a message of."""
    return {place_of(each["key"])[0] for each in worker.said("started")[since:]}


def test_a_second_worker_gets_its_part_of_the_keys(world: World) -> None:
    producer = world.start("produce", "producer", **FLOW)
    first = world.start("work", "first", **WORKER)
    world.until(lambda: len(handled(first)) == KEYS, "the first handles all keys")
    second = world.start("work", "second", **WORKER)
    took = world.until(lambda: len(handled(second)) >= KEYS // 4, "the second has its part")
    before = len(first.said("started"))
    world.until(lambda: len(handled(first, before)) >= KEYS // 4, "the first has the rest")
    world.kill(second)
    before = len(first.said("started"))
    back = world.until(lambda: len(handled(first, before)) == KEYS, "the first has all again")
    print(f"the second had its part after {took:.1f} s; its part went back within {back:.1f} s")
    producer.tell("end")
    assert producer.wait() == 0, producer.words()
    world.drained()
    first.send(signal.SIGTERM)
    assert first.wait() == 0, first.words()
    world.note_end()
    history = world.history()
    bound = duplicate_bound(consumer_kills=1, held=HELD)
    world.judge(Limits(duplicated_max=bound, recovered_max=0, needs_empty_end=True,
                       needs_settled=True), history)  # fmt: skip
    broken = list(broken_orders(history, place_of))
    assert not broken, f"seed {world.seed}: {broken[:10]}, {len(broken)} in all"
