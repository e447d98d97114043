"""X1: a message that kills its worker is given up, and takes nobody with it.

Among 1,000 good messages are five whose handler ends the interpreter: a null pointer, an abort, an
exit past all handlers, a SIGKILL, a stack that overflows. Under a supervisor with two worker
processes every good message is handled and none is given up; each of the five, run alone, crashes
at most three times and is then a dead letter, its reason "worker lost".
"""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from tests.oracle import Recorder
from tests.system.programs.common import body_of, checksum
from tests.system.support.world import World

DEADLY = ("null", "abort", "exit", "kill", "overflow")
CRASHES_MAX = 3


def send_all(world: World, good: int, deadly: tuple[str, ...]) -> None:
    """Send the good ones in one parcel, the deadly ones spread among them."""
    keys = [f"good-{number}" for number in range(good)]
    for number, deed in enumerate(deadly):
        keys.insert((number + 1) * good // (len(deadly) + 1), f"{deed}-poison")
    with Recorder(world.histories, "producer") as record:
        calls = [record.send(key, checksum(body_of(key), {})) for key in keys]
        world.queue().enqueue_many([body_of(key) for key in keys])
        for call in calls:
            call.returned("ok")


def poison(world: World, good: int, deadly: tuple[str, ...]) -> None:
    """Run the supervised app on good and deadly messages, and see who survives."""
    send_all(world, good, deadly)
    supervisor = world.start("poison", "app", processes=2, settings={"crashes_max": CRASHES_MAX})
    took = world.until(lambda: world.depth().depth == 0, "all handled or given up", seconds=110)
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait(20) == 0, supervisor.words()
    dead = {each.body.partition(b"|")[0].decode(): each for each in world.dead()}
    world.note_end()
    handed = Counter(each["key"] for each in supervisor.said("deadly"))
    print(f"drained in {took:.1f} s; deliveries of the deadly ones: {dict(handed)}")
    assert set(dead) == {f"{deed}-poison" for deed in deadly}
    for message in dead.values():
        assert "worker lost" in message.reason
        assert message.crashes == CRASHES_MAX
    assert world.depth().done == good
    history = world.history()
    received = {each.id for each in history.deliveries}
    assert {f"good-{number}" for number in range(good)} <= received
    assert all(each.attempt <= 12 for each in history.deliveries if each.id.startswith("good"))


def test_x1_two_poisons(world: World) -> None:
    poison(world, 100, ("abort", "kill"))


@pytest.mark.torture
@pytest.mark.timeout(240)
def test_x1_five_poisons_among_a_thousand(world: World) -> None:
    poison(world, 1_000, DEADLY)
