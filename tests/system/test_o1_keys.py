"""O1, O2: keys under failing handlers and kills: one at a time, in order, and nothing is lost.

Producers send parcels that take keys of their own in turn; workers retry and reject, and are
killed with SIGKILL and started again.
"""

from __future__ import annotations

import signal

import pytest

from tests.oracle import Limits, Recorder, duplicate_bound, read_histories
from tests.system.support.key_order import Place, broken_orders
from tests.system.support.world import World

KEYS = 6
SLOTS, AHEAD = 4, 24
HELD = (SLOTS + AHEAD) * 3 // 2  # as in K1
SETTINGS = {"concurrency": SLOTS, "prefetch": AHEAD}


def place_of(message: str) -> Place:
    """A producer's parcels take its keys in turn."""
    client, parcel, index = message.split(":")
    return f"{client}-{int(parcel) % KEYS}", (int(parcel), int(index))


def keep_order(world: World, kills: int, producers: int, workers: int) -> None:
    """Send, handle and kill; drain; judge."""
    senders = [
        world.start("produce", f"producer-{index}", parcel=4, pace_s=0.02, keys=KEYS, says=False)
        for index in range(producers)
    ]
    handlers = [
        world.start("failing", f"worker-{index}.0", settings=SETTINGS) for index in range(workers)
    ]
    for program in [*senders, *handlers]:
        program.expect("ready")
    for number in range(1, kills + 1):
        world.listen(world.random.uniform(0.2, 1.0))
        chosen = world.random.randrange(len(handlers))
        world.kill(handlers[chosen])
        handlers[chosen] = world.start("failing", f"worker-{chosen}.{number}", settings=SETTINGS)
    for sender in senders:
        sender.tell("end")
        assert sender.wait() == 0, sender.words()
    world.drained()
    for handler in handlers:
        handler.expect("ready")
        handler.send(signal.SIGTERM)
        assert handler.wait() == 0, handler.words()
    world.note_end()
    history = world.history()
    bound = duplicate_bound(consumer_kills=kills, held=HELD)
    world.judge(Limits(duplicated_max=bound, recovered_max=0, needs_empty_end=True,
                       needs_settled=True), history)  # fmt: skip
    again = len(history.deliveries) - len(history.sends)
    print(f"{kills} kills, {len(history.sends)} messages, {again} deliveries more")
    assert again > 0, "no handler failed"
    broken = list(broken_orders(history, place_of))
    assert not broken, f"seed {world.seed}: {broken[:10]}, {len(broken)} in all"


def test_keys_keep_their_order_when_workers_die(world: World) -> None:
    keep_order(world, kills=4, producers=2, workers=3)


@pytest.mark.torture
@pytest.mark.timeout(400)
def test_keys_keep_their_order_through_thirty_kills(world: World) -> None:
    keep_order(world, kills=30, producers=3, workers=3)


def test_a_broken_order_is_seen(file_world: World) -> None:
    """An oracle that never fails proves nothing."""
    folder = file_world.folder / "made"
    folder.mkdir()
    with Recorder(folder, "p") as record:
        for number in range(3):
            record.send(f"p:0:{number}").returned("ok")
        record.received("p:0:1", 1, "1")
        record.received("p:0:0", 1, "2")
        record.settle("p:0:0", "2", "ack").returned("ok")
        record.settle("p:0:1", "1", "ack").returned("ok")
        record.received("p:0:2", 1, "3")
        record.settle("p:0:2", "3", "ack").returned("ok")
    assert list(broken_orders(read_histories(folder), place_of)) == [
        "p:0:1 was handed out before p:0:0 was done",
        "p:0:0 and p:0:1 of p-0 were in hand at once",
    ]
