"""What a queue is, in plain Python: the specification that every store is compared with.

It is written to be read. Each verb of the glossary is one method that says what is true afterwards;
a method that is told what the store did raises Refuted when no queue may do that. Where a store has
a choice, the model has none: it takes over what was done once it was legal. The choices are

- how many of those asked for one claim gives: at least one, if any is claimable;
- which ones: messages that came back share a lane of their own, so no order holds among all;
- when a message that is due leaves its place among the parked ones (State.DUE).

What comes later (ordered keys, priority, expiry, deduplication, subscriptions, cancelling) adds
a state or a field here, a clause to `claimable` and `hand_out`, and a mixin of rules (machine.py).
Plain values; one thread.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgq.stats import QueueDepth

CRASHES_MAX = 3  # the default of the setting crashes_max
WORKER_LOST = "worker lost"


class Refuted(AssertionError):  # noqa: N818  (a verdict, not an error)
    """The store did what no queue may do, or the model says what no store does."""


class State(enum.Enum):
    """Where a message is."""

    WAITING = "waiting"
    DUE = "due"  # parked or waiting: somebody promotes it, any moment
    PARKED = "parked"
    LEASED = "leased"
    DEAD = "dead"
    GONE = "gone"  # done, purged, or its queue was deleted


@dataclass
class Entry:
    """One message. `lease` numbers its claims: whoever holds an older number has lost it."""

    id: uuid.UUID
    body: bytes
    headers: Mapping[str, Any]
    state: State = State.WAITING
    deliveries: int = 0
    failures: int = 0
    crashes: int = 0
    is_suspect: bool = False  # was in the hands of a process that died: runs alone
    reason: str = ""
    lease: int = 0
    holder: object = None


@dataclass
class Handed:
    """What the store said of one message when it handed it out."""

    id: uuid.UUID
    body: bytes
    headers: Mapping[str, Any]
    attempt: int
    failures: int


@dataclass
class QueueModel:
    """One queue: what it holds, and how many it no longer holds."""

    entries: dict[uuid.UUID, Entry] = field(default_factory=dict)
    sent: int = 0
    done: int = 0
    purged: int = 0

    # --- what is where ---

    def those(self, *states: State) -> list[Entry]:
        """The messages in one of these states."""
        return [each for each in self.entries.values() if each.state in states]

    def claimable(self, holder: object) -> list[Entry]:
        """What may be handed to `holder`: a suspect to nobody who holds anything."""
        ready = self.those(State.WAITING, State.DUE)
        return [each for each in ready if not each.is_suspect or not self.held_by(holder)]

    def held_by(self, holder: object) -> list[Entry]:
        """What `holder` has under a lease."""
        return [each for each in self.those(State.LEASED) if each.holder is holder]

    def compare_depth(self, found: QueueDepth) -> None:
        """Holds the store's figures against this; also sent = all that became of it."""
        count = {state: len(self.those(state)) for state in State}
        due = count[State.DUE]
        ends = (found.sent, found.done, found.dead, found.purged, found.quarantined)
        expect(ends == (self.sent, self.done, count[State.DEAD], self.purged, 0), found, self)
        expect(found.leased == count[State.LEASED], found, self)
        expect(0 <= found.waiting - count[State.WAITING] <= due, found, self)
        expect(0 <= found.parked - count[State.PARKED] <= due, found, self)
        expect(found.sent == found.depth + found.done + found.dead + found.purged, found, self)

    # --- a message's life ---

    def enqueue(self, entry: Entry) -> None:
        """One more message; its id was never seen before."""
        expect(entry.id not in self.entries, "an id twice", entry)
        self.entries[entry.id] = entry
        self.sent += 1

    def hand_out(self, handed: list[Handed], most: int, holder: object) -> list[Entry]:
        """Takes over what a claim of up to `most` gave, once it is known to be legal."""
        legal = {each.id: each for each in self.claimable(holder)}
        expect(len(handed) <= most, "more than asked for", handed)
        expect(bool(handed) or not legal, "nothing, though there is", legal)
        expect(len({each.id for each in handed}) == len(handed), "the same twice", handed)
        for each in handed:
            expect(each.id in legal, "what is not claimable", each, self.entries.get(each.id))
            self._hand_out_one(legal[each.id], each, holder)
        suspects = [each for each in handed if legal[each.id].is_suspect]
        expect(not suspects or len(handed) == 1, "a suspect among others", handed)
        return [legal[each.id] for each in handed]

    def _hand_out_one(self, entry: Entry, handed: Handed, holder: object) -> None:
        same = (entry.body, dict(entry.headers), entry.deliveries + 1, entry.failures)
        said = (handed.body, dict(handed.headers), handed.attempt, handed.failures)
        expect(said == same, "not as it was sent or counted", handed, entry)
        entry.deliveries += 1
        entry.lease += 1
        entry.state, entry.holder = State.LEASED, holder

    def ack(self, entry: Entry) -> None:
        """Done."""
        self.done += 1
        self._leave(entry)

    def retry(self, entry: Entry, is_due: bool) -> None:
        """Failed; comes back when it is due."""
        entry.failures += 1
        self._park(entry, is_due)

    def snooze(self, entry: Entry, is_due: bool) -> None:
        """Not now; this delivery does not count."""
        entry.deliveries -= 1
        self._park(entry, is_due)

    def _park(self, entry: Entry, is_due: bool) -> None:
        entry.state = State.DUE if is_due else State.PARKED
        entry.is_suspect = False

    def reject(self, entry: Entry, reason: str) -> None:
        """Failed for the last time; kept as a dead letter."""
        entry.failures += 1
        self._bury(entry, reason)

    def _bury(self, entry: Entry, reason: str) -> None:
        entry.state, entry.reason = State.DEAD, reason
        entry.is_suspect = False

    # --- its holder goes ---

    def give_back(self, holder: object) -> None:
        """Closed in good order: whatever it held comes back, and nobody counts it."""
        for entry in self.held_by(holder):
            entry.deliveries -= 1
            entry.state = State.WAITING

    def crash(self, holder: object) -> None:
        """Killed: what it held comes back counted and suspect, or dies of its own crashes."""
        for entry in self.held_by(holder):
            entry.crashes += entry.is_suspect
            entry.state, entry.is_suspect = State.WAITING, True
            if entry.crashes >= CRASHES_MAX:
                self._bury(entry, WORKER_LOST)

    # --- administering ---

    def redrive(self, ids: Iterable[uuid.UUID]) -> int:
        """Dead letters wait again with fresh counts; how many. No ids are all."""
        chosen = self.dead_letters(ids)
        for entry in chosen:
            entry.deliveries = entry.failures = entry.crashes = 0
            entry.state, entry.reason = State.WAITING, ""
        return len(chosen)

    def delete_dead(self, ids: Iterable[uuid.UUID]) -> int:
        """Dead letters are no more, and count as purged; how many. No ids are all."""
        return self._purge(self.dead_letters(ids))

    def dead_letters(self, ids: Iterable[uuid.UUID]) -> list[Entry]:
        """Those of these ids, or all."""
        wanted = set(ids)
        return [each for each in self.those(State.DEAD) if not wanted or each.id in wanted]

    def purge(self) -> int:
        """All that waits, is parked or leased is no more; dead letters stay. How many."""
        states = (State.WAITING, State.DUE, State.PARKED, State.LEASED)
        return self._purge(self.those(*states))

    def delete(self) -> None:
        """The queue goes with all that is in it."""
        for entry in [*self.entries.values()]:
            self._leave(entry)

    def _purge(self, entries: list[Entry]) -> int:
        self.purged += len(entries)
        for entry in entries:
            self._leave(entry)
        return len(entries)

    def _leave(self, entry: Entry) -> None:
        entry.state = State.GONE
        del self.entries[entry.id]


def expect(is_so: bool, *told: object) -> None:
    """Raises Refuted with what is told unless it is so."""
    if not is_so:
        raise Refuted("; ".join(map(repr, told)))
