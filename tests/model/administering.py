"""Rules: dead letters are sent again or deleted, queues purged and deleted, clients come and go.

Later: cancelling and rescheduling a message, subscriptions that are made and dropped.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

import msgq
from tests.model.comparison import Comparison, at, clients, names, places
from tests.model.model import State, expect

some = st.lists(places, max_size=3)


def is_rich(machine: Any) -> bool:
    """Whether so much is there that it is no pity when it goes."""
    return sum(len(queue.entries) for queue in machine.model.values()) >= 20


class Administering(Comparison):
    """Operators."""

    @precondition(lambda self: self.dead())
    @rule(client=clients, place=places, which=some)
    def redrive(self, client: int, place: int, which: list[int]) -> None:
        name = at(place, self.dead())
        ids = self._pick(name, which)
        count = self.queue(client, name).redrive(*ids)
        expect(count == self.model[name].redrive(ids), "redriven", count)

    @precondition(lambda self: self.dead())
    @rule(client=clients, place=places, which=some)
    def delete_dead(self, client: int, place: int, which: list[int]) -> None:
        name = at(place, self.dead())
        ids = self._pick(name, which)
        count = self.queue(client, name).delete_dead(*ids)
        expect(count == self.model[name].delete_dead(ids), "deleted", count)

    def dead(self) -> list[str]:
        """Queues with dead letters."""
        return [name for name, queue in self.model.items() if queue.those(State.DEAD)]

    def _pick(self, name: str, which: list[int]) -> list[uuid.UUID]:
        """Ids of messages of the queue, most of them dead; none stands for all."""
        dead = self.model[name].those(State.DEAD)
        among = [each.id for each in [*dead, *dead, *self.known[name]]]
        return [at(each, among) for each in which]

    @precondition(is_rich)
    @rule(client=clients, name=names)
    def purge(self, client: int, name: str) -> None:
        if name not in self.model:
            with pytest.raises(msgq.NotFoundError):
                self.queue(client, name).purge()
            return
        count = self.queue(client, name).purge()
        expect(count == self.model[name].purge(), "purged", count)
        self.sort_out()

    @precondition(is_rich)
    @rule(client=clients, name=names)
    def delete_queue(self, client: int, name: str) -> None:
        if name not in self.model:
            with pytest.raises(msgq.NotFoundError):
                self.queue(client, name).delete()
            return
        self.queue(client, name).delete()
        self.model.pop(name).delete()
        self.sort_out()

    @precondition(lambda self: self.bench.is_shared and len(self.held) > 2)
    @rule(client=clients)
    def close_and_reopen(self, client: int) -> None:
        """What the client held comes back unspent, and nothing else changes."""
        holder = self.bench.client(client)
        self.bench.reopen(client)
        for queue in self.model.values():
            queue.give_back(holder)
        self.sort_out()
