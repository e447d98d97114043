"""What is looked up at first use stands in until then, and then costs nothing."""

from __future__ import annotations

from typing import Any

import pytest

import msgq
from msgq._later import Later


class Holder:
    place: Any = None


def test_it_is_replaced_in_all_places_at_first_use() -> None:
    found: list[int] = []

    def find() -> list[int]:
        found.append(1)
        return found

    one, two, later = Holder(), Holder(), Later(find, "shown")
    later.stand_in(one, "place")
    later.stand_in(two, "place")
    assert repr(one.place) == "'shown'"
    assert one.place.count(1) == 1
    assert one.place is found
    assert two.place is found
    assert found == [1]


def test_what_was_put_there_meanwhile_stays() -> None:
    holder, later = Holder(), Later(lambda: "text")
    later.stand_in(holder, "place")
    holder.place = "mine"
    assert later.upper() == "TEXT"
    assert holder.place == "mine"


def test_when_it_cannot_be_found_it_is_asked_again() -> None:
    answers: list[Any] = [msgq.ConfigError("no"), "text"]

    def find() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    holder, later = Holder(), Later(find)
    later.stand_in(holder, "place")
    with pytest.raises(msgq.ConfigError, match="no"):
        holder.place.upper()
    assert holder.place.upper() == "TEXT"
    assert holder.place == "text"
