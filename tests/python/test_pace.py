"""Keeping a rate, with a clock of our own."""

import pytest

from msgq._pace import Pacer


class World:
    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def make(rate: float) -> tuple[Pacer, World]:
    world = World()
    return Pacer(rate, clock=world.clock, sleep=world.sleep), world


def test_no_rate_never_sleeps() -> None:
    pacer, world = make(0)
    for _ in range(1000):
        pacer.wait(10)
    assert world.now == 100.0


def test_holds_the_rate_for_singles_and_batches() -> None:
    pacer, world = make(50)
    for _ in range(10):
        pacer.wait()
    for _ in range(10):
        pacer.wait(5)
    pacer.wait()
    assert world.now == pytest.approx(100.0 + 60 / 50)


def test_catches_up_after_a_short_stall_only() -> None:
    pacer, world = make(10)
    pacer.wait()
    world.now += 0.55
    assert [pacer.wait() for _ in range(5)] == pytest.approx([100.1, 100.2, 100.3, 100.4, 100.5])
    assert world.now == pytest.approx(100.55)
    world.now += 60
    pacer.wait()
    early = world.now
    for _ in range(12):
        pacer.wait()
    assert world.now - early <= 0.3


def test_tells_when_it_was_due_not_when_it_came() -> None:
    pacer, world = make(10)
    pacer.wait()
    world.now += 0.5
    assert pacer.wait() == pytest.approx(100.1)
