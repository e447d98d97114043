"""What every machine does around its steps: begin, compare all figures after each step, drain.

The rules are mixins of Comparison, one file a subject (machine.py puts them together). A rule does
one thing to the store and the same to the model; what depends on the store's choices is never
drawn, so that a run can be repeated: rules draw plain numbers, and take them as places in a list.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

import msgq
from tests.model.bench import LEASE_S, Bench
from tests.model.model import Entry, Handed, QueueModel, State, expect

T = TypeVar("T")
NAMES = ("a", "b", "c")
FAR = "1h"  # never due while a test runs
WAIT_S = 5.0  # for what is claimable; it comes at once
names = st.sampled_from(NAMES)
clients = st.integers(0, 1)
places = st.integers(0, 99)


def at(place: int, among: Sequence[T]) -> T:
    """The one at a place that goes round."""
    return among[place % len(among)]


@dataclass
class Held:
    """A delivery in somebody's hands, and the number of the lease it came with."""

    delivery: msgq.Delivery
    entry: Entry
    queue: str
    lease: int

    @property
    def is_valid(self) -> bool:
        """Whether the lease holds, as the model has it."""
        return self.entry.state is State.LEASED and self.entry.lease == self.lease


class Comparison(RuleBasedStateMachine):
    """A model and a store side by side. `queue_model` is what a queue is meant to be."""

    queue_model: type[QueueModel] = QueueModel

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        bench.runs += 1
        self.turn = 0  # counts comparisons
        self.model: dict[str, QueueModel] = {}
        self.known: dict[str, list[Entry]] = {name: [] for name in NAMES}  # also those gone
        self.held: list[Held] = []
        self.lost: list[Held] = []  # deliveries whose lease is no more

    # --- what rules are made of ---

    def queue(self, client: int, name: str) -> msgq.Queue:
        """The real queue."""
        return self.bench.client(client).queue(name)

    def sent(self, name: str, entries: Sequence[Entry]) -> None:
        """The store took these messages; the first of a queue makes it."""
        for entry in entries:
            ids = {each.id for queue in self.known.values() for each in queue}
            expect(entry.id not in ids, "an id twice", entry)
            self.model.setdefault(name, self.queue_model()).enqueue(entry)
            self.known[name].append(entry)

    def full(self, client: int) -> list[str]:
        """Queues with something that client may claim."""
        holder = self.bench.client(client)
        return [name for name, queue in self.model.items() if queue.claimable(holder)]

    def claim_from(self, client: int, name: str, count: int) -> list[Held]:
        """Claims from both: at once where there is nothing, else until it comes."""
        holder = self.bench.client(client)
        queue = self.model.get(name, self.queue_model())
        wait = WAIT_S if queue.claimable(holder) else 0.0
        found = self.queue(client, name).claim(count, wait=wait, lease=LEASE_S)
        handed = [Handed(d.id, d.body, d.headers, d.attempt, d.failures) for d in found]
        entries = queue.hand_out(handed, count, holder)
        pairs = zip(found, entries, strict=True)
        made = [Held(each, entry, name, entry.lease) for each, entry in pairs]
        self.held += made
        return made

    def settle(self, held: Held, outcome: str, delay: Any = 0) -> None:
        queue, is_due = self.model[held.queue], delay != FAR
        if outcome == "ack":
            held.delivery.ack()
            queue.ack(held.entry)
        elif outcome == "retry":
            held.delivery.retry(delay)
            queue.retry(held.entry, is_due)
        elif outcome == "snooze":
            held.delivery.snooze(delay)
            queue.snooze(held.entry, is_due)
        else:
            held.delivery.reject("no use")
            queue.reject(held.entry, "no use")
        with pytest.raises(msgq.LeaseLostError):
            held.delivery.ack()
        self.sort_out()

    def sort_out(self) -> None:
        """What is no longer held is lost."""
        self.lost += [each for each in self.held if not each.is_valid]
        self.held = [each for each in self.held if each.is_valid]

    # --- after each step, and at the end ---

    @invariant()
    def depth_is_the_models(self) -> None:
        """Queue by queue, through one client and the other in turn."""
        self.turn += 1
        self.bench.steps += 1
        found = self.bench.depths(self.turn)
        expect(found.keys() == self.model.keys(), "queues", found, self.model)
        for name, queue in self.model.items():
            queue.compare_depth(found[name])

    def teardown(self) -> None:
        """After a run that went well, everything must come out again."""
        is_well = sys.exc_info()[0] is None
        try:
            if is_well:
                self.drain()
        finally:
            self.tidy_up()

    def drain(self) -> None:
        """What is held is given back, then all that is claimable comes out: no more, no less."""
        for each in self.held:
            each.delivery.snooze(0)
            self.model[each.queue].snooze(each.entry, is_due=True)
        self.held.clear()
        for name, queue in self.model.items():
            while queue.claimable(self.bench.client(0)):
                for each in self.claim_from(0, name, 100):
                    each.delivery.ack()
                    queue.ack(each.entry)
            expect(self.queue(0, name).claim(100) == [], "more than there was", name)
            left = {each.id for each in self.queue(0, name).messages()}
            expect(left == {each.id for each in queue.those(State.PARKED)}, "parked", left, queue)
        self.depth_is_the_models()

    def tidy_up(self) -> None:
        """Nothing of this run is left for the next, nor anything of clients that are closed."""
        self.model.clear()
        self.known.clear()
        self.held.clear()
        self.lost.clear()
        for name in self.bench.client(0).queues():
            self.queue(0, name).delete()

    def refused(self, held: Held) -> None:
        """The lease is lost: whatever is tried is refused, and changes nothing (compared next)."""
        with pytest.raises((msgq.LeaseLostError, msgq.ClosedError)):
            held.delivery.extend(LEASE_S)
        with pytest.raises((msgq.LeaseLostError, msgq.ClosedError)):
            held.delivery.retry()
