"""Rules: messages are claimed, and each delivery ends in one of the ways it can, or in none.

Leases that run out are not here: nothing but time ends one, and these tests do not wait. That
a lapsed claim comes back with its attempt counted is shown where a process dies (test_crash.py), by
tests/python/test_queue.py and, with a clock that tests may advance, by tests/cpp/conformance.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.bench import LEASE_S
from tests.model.comparison import FAR, NAMES, Comparison, at, clients, places

outcomes = st.sampled_from(["ack", "retry", "snooze", "reject"])
returns = st.sampled_from([0, FAR])


def is_holding(machine: Any) -> bool:
    """Whether somebody holds a delivery."""
    return bool(machine.held)


class Working(Comparison):
    """Those who claim by hand."""

    @rule(client=clients, place=places, count=st.integers(1, 7))
    def claim(self, client: int, place: int, count: int) -> None:
        """Most often where there is something."""
        full = self.full(client)
        self.claim_from(client, at(place, [*full, *full, *NAMES]), count)

    @precondition(is_holding)
    @rule(place=places)
    def ack(self, place: int) -> None:
        self.settle(at(place, self.held), "ack")

    @precondition(is_holding)
    @rule(place=places, delay=returns)
    def retry(self, place: int, delay: Any) -> None:
        self.settle(at(place, self.held), "retry", delay)

    @precondition(is_holding)
    @rule(place=places, delay=returns)
    def snooze(self, place: int, delay: Any) -> None:
        self.settle(at(place, self.held), "snooze", delay)

    @precondition(is_holding)
    @rule(place=places)
    def reject(self, place: int) -> None:
        self.settle(at(place, self.held), "reject")

    @precondition(is_holding)
    @rule(chosen=st.sets(st.integers(0, 6)), outcome=outcomes, delay=returns)
    def settle_some(self, chosen: set[int], outcome: str, delay: Any) -> None:
        """Parts of claims, with holes."""
        for number, each in enumerate([*self.held]):
            if number % 7 in chosen:
                self.settle(each, outcome, delay)

    @precondition(is_holding)
    @rule(place=places)
    def extend(self, place: int) -> None:
        at(place, self.held).delivery.extend(LEASE_S)

    @precondition(lambda self: self.lost)
    @rule(place=places)
    def settle_what_was_lost(self, place: int) -> None:
        self.refused(self.lost.pop(place % len(self.lost)))
