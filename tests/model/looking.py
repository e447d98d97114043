"""What is seen without claiming is what the model has, message by message, after each step.

One queue a step, through one client and the other, in pages of one size and the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis.stateful import invariant

import msgq
from tests.model.comparison import NAMES, Comparison, at
from tests.model.model import Entry, State, expect

ALIVE = (State.WAITING, State.DUE, State.PARKED, State.LEASED)


class Looking(Comparison):
    """Those who look."""

    @invariant()
    def a_queue_is_seen_whole(self) -> None:
        if self.model:
            turn = self.turn
            name = at(turn, [*self.model])
            model, queue = self.model[name], self.queue(turn // 2, name)
            compare_all(queue.messages(page=1 + turn % 7), model.those(*ALIVE))
            compare_all(dead_letters(queue, 1 + turn % 7), model.those(State.DEAD))

    @invariant()
    def a_message_is_found_by_its_id(self) -> None:
        """Also one that is there no more."""
        turn = self.turn
        name = at(turn // 3, NAMES)
        if not self.known[name]:
            return
        entry = at(turn, self.known[name])
        try:
            found = self.queue(turn, name).find(entry.id)
        except msgq.NotFoundError:
            expect(entry.state is State.GONE, "not found", entry)
        else:
            compare(found, entry)


def dead_letters(queue: msgq.Queue, page: int) -> Iterable[msgq.Message]:
    """All, page by page."""
    after = ""
    while found := queue.dead(page, after=after):
        yield from found
        after = found[-1].cursor


def compare_all(found: Iterable[msgq.Message], entries: list[Entry]) -> None:
    """Each once and as the model has it, and nothing else.

    A message that is due may be promoted meanwhile, and then be seen twice or not at all: pages are
    looks of their own. On PostgreSQL one page alone may miss it, too, which is weaker than it needs
    to be: its lanes and its parked messages are read one after the other.
    """
    listed = [*found]
    known = {each.id: each for each in entries}
    for each in listed:
        expect(each.id in known, "seen", each, entries)
        compare(each, known[each.id])
    fixed = [each.id for each in listed if known[each.id].state is not State.DUE]
    sure = [each.id for each in entries if each.state is not State.DUE]
    expect(sorted(fixed) == sorted(sure), "seen", listed, entries)


def compare(found: msgq.Message, entry: Entry) -> None:
    """One message as it is seen. Deliveries of a claim show once the message leaves its block."""
    same = (entry.id, entry.body, dict(entry.headers), entry.failures)
    seen = (found.id, found.body, found.headers, found.failures)
    expect(seen == same, "seen", seen, entry)
    states = ("waiting", "parked") if entry.state is State.DUE else (entry.state.value,)
    expect(found.state in states, found.state, entry)
    if entry.state in (State.PARKED, State.DEAD):
        counts = (found.deliveries, found.crashes, found.reason)
        expect(counts == (entry.deliveries, entry.crashes, entry.reason), "seen", counts, entry)
