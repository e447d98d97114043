"""K3: a process dies in the middle of writing the store, and nobody else notices for long.

Four processes share one store and commit all the time. One of them ends by SIGKILL at the n-th
write into the store's files, n swept over a range, every second time with half of that write done.
The others go on within a second (nobody waits for the lock of the dead); nothing acknowledged is
lost; the file needs no repair; what was sent is somewhere, and nowhere twice.
"""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterable

import pytest

from tests.oracle import Limits, duplicate_bound, recovered_bound
from tests.system.support.program import Program
from tests.system.support.shims import preload
from tests.system.support.world import World

PARCEL = 5
SURVIVORS = 3


@pytest.fixture
def world(file_world: World) -> World:
    """Of files alone."""
    return file_world


def gap_s(survivors: list[Program]) -> float:
    """The longest turn any of them told of."""
    return max(float(turn["took_s"]) for each in survivors for turn in each.said("turned"))


def die_at(world: World, number: int) -> None:
    """Start one more process that dies at its n-th write, and wait for its end."""
    environ = {**preload("kill_at_write", world.folder), "KILL_AT_WRITE": str(number)}
    victim = world.start("mixed", f"victim-{number}", environ)
    world.until(lambda: victim.process.poll() is not None, f"dead at write {number}")
    world.notes.note("kill", target=victim.client)
    assert victim.process.returncode == -signal.SIGKILL, victim.words()


def kill_inside_commits(world: World, numbers: Iterable[int], limit_s: float) -> None:
    """Sweep the write at which a process dies, with three survivors; drain; judge."""
    survivors = [world.start("mixed", f"survivor-{index}") for index in range(SURVIVORS)]
    for each in survivors:
        each.expect("turned")
    kills = 0
    for number in numbers:
        before = [len(each.said("turned")) for each in survivors]
        die_at(world, number)
        kills += 1
        for each, count in zip(survivors, before, strict=True):
            each.expect("turned", seconds=10, count=count + 1)
    for each in survivors:
        each.tell("end")
        assert each.wait() == 0, each.words()
    print(f"{kills} deaths inside commits, longest turn of a survivor {gap_s(survivors):.2f} s")
    drainer = world.start("work", "drainer")
    world.drained()
    drainer.send(signal.SIGTERM)
    assert drainer.wait() == 0, drainer.words()
    world.note_end()
    limits = Limits(
        duplicated_max=duplicate_bound(consumer_kills=kills, held=2 * PARCEL),
        recovered_max=recovered_bound(producer_kills=kills, in_flight=PARCEL),
        needs_empty_end=True,
    )
    world.judge(limits)
    assert gap_s(survivors) < limit_s
    world.close()
    with sqlite3.connect(world.store) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_k3_a_few_deaths(world: World) -> None:
    kill_inside_commits(world, [1, 24, 67, 120], limit_s=2.5)


@pytest.mark.torture
@pytest.mark.timeout(240)
def test_k3_sixty_deaths(world: World) -> None:
    kill_inside_commits(world, range(1, 400, 7), limit_s=2.5)
