"""Rules: what is seen without claiming is what the model has, message by message."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

import msgq
from tests.model.comparison import Comparison, at, clients, names, places
from tests.model.model import Entry, State, expect

ALIVE = (State.WAITING, State.DUE, State.PARKED, State.LEASED)


class Looking(Comparison):
    """Those who look."""

    @precondition(lambda self: self.model)
    @rule(client=clients, place=places, page=st.integers(1, 9))
    def peek(self, client: int, place: int, page: int) -> None:
        name = at(place, [*self.model])
        found = [*self.queue(client, name).messages(page=page)]
        compare_all(found, self.model[name].those(*ALIVE))

    @precondition(lambda self: self.model)
    @rule(client=clients, place=places, page=st.integers(1, 9))
    def list_dead(self, client: int, place: int, page: int) -> None:
        name = at(place, [*self.model])
        queue, found = self.queue(client, name), list[msgq.Message]()
        while some := queue.dead(page, after=found[-1].cursor if found else ""):
            found += some
        compare_all(found, self.model[name].those(State.DEAD))

    @rule(client=clients, name=names, place=places)
    def find(self, client: int, name: str, place: int) -> None:
        if not self.known[name]:
            return
        entry = at(place, self.known[name])
        try:
            found = self.queue(client, name).find(entry.id)
        except msgq.NotFoundError:
            expect(entry.state is State.GONE, "not found", entry)
        else:
            compare(found, entry)


def compare_all(found: Iterable[msgq.Message], entries: list[Entry]) -> None:
    """Each once and as the model has it, and nothing else."""
    listed = [*found]
    by_id = {each.id: each for each in listed}
    expect(len(by_id) == len(listed), "seen twice", listed)
    expect(by_id.keys() == {each.id for each in entries}, "seen", listed, entries)
    for entry in entries:
        compare(by_id[entry.id], entry)


def compare(found: msgq.Message, entry: Entry) -> None:
    """One message as it is seen. Deliveries of a claim show once the message leaves its block."""
    same = (entry.id, entry.body, dict(entry.headers), entry.failures)
    expect((found.id, found.body, found.headers, found.failures) == same, found.failures, entry)
    states = ("waiting", "parked") if entry.state is State.DUE else (entry.state.value,)
    expect(found.state in states, found.state, entry)
    if entry.state in (State.PARKED, State.DEAD):
        expect(found.deliveries == entry.deliveries, found.deliveries, entry)
        expect(found.crashes == entry.crashes, found.crashes, entry)
    if entry.state is State.DEAD:
        expect(found.reason == entry.reason, found.reason, entry)
