"""A slot knows how far its thread is, and one side alone settles a lot."""

from __future__ import annotations

from typing import Any, cast

from msgq._run import Runner
from msgq._slot import Slot, places_of


def begun(items: list[int]) -> tuple[Slot, Any]:
    slot = Slot()
    places = places_of(items)
    slot.begin(Runner(), cast("Any", object()), places, len(items), [])
    return slot, places


def test_the_place_is_that_of_the_message_begun_last() -> None:
    slot, places = begun([1, 2, 3])
    assert slot.place() == 0
    next(places)
    next(places)
    assert slot.place() == 2


def test_the_thread_ends_what_nobody_took() -> None:
    slot, _ = begun([1])
    assert slot.end()
    assert slot.lot is None
    assert slot.take_over() is None


def test_what_was_taken_over_is_not_the_threads_any_more() -> None:
    slot, places = begun([1, 2, 3])
    next(places)
    next(places)
    taken = slot.take_over()
    assert taken is not None
    assert taken[2] == 1
    assert slot.halt
    assert not slot.end()
    assert slot.take_over() is None


def test_each_lot_has_a_serial_of_its_own() -> None:
    slot, places = begun([1])
    before = slot.serial
    slot.begin(Runner(), cast("Any", object()), places, 1, [])
    assert slot.serial == before + 1
