"""Rules: messages are enqueued, one or many, now or later, with headers or without.

Later: keys, priority, expiry and deduplication are more options here.
"""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.model.bench import Bench
from tests.model.comparison import FAR, Comparison, clients, names
from tests.model.model import Entry, State

delays = st.sampled_from([None, None, 0, FAR])
headers = st.sampled_from([None, {}, {"n": 1}, {"tenant": "x", "on": True, "no": None}])


class Sending(Comparison):
    """Producers."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._numbers = itertools.count()

    @rule(client=clients, name=names, delay=delays, head=headers, is_later=st.booleans())
    def enqueue(self, client: int, name: str, delay: Any, head: Any, is_later: bool) -> None:
        queue, body = self.queue(client, name), self._body()
        call = queue.enqueue_later if is_later else queue.enqueue
        receipt = call(body, headers=head, delay=delay).wait()
        self.sent(name, [Entry(receipt.id, body, head or {}, state_at_first(delay))])

    @rule(client=clients, name=names, delay=delays, count=st.integers(0, 9), head=headers)
    def enqueue_many(self, client: int, name: str, delay: Any, count: int, head: Any) -> None:
        bodies = [self._body() for _ in range(count)]
        heads = [head if number % 2 else None for number in range(count)]
        receipt = self.queue(client, name).enqueue_many(bodies, headers=heads, delay=delay)
        rows = zip(receipt.ids, bodies, heads, strict=True)
        state = state_at_first(delay)
        self.sent(name, [Entry(key, body, head or {}, state) for key, body, head in rows])

    def _body(self) -> bytes:
        return b"body %d" % next(self._numbers)


def state_at_first(delay: Any) -> State:
    """Where a message goes that is sent with this delay."""
    return State.PARKED if delay == FAR else State.WAITING if delay is None else State.DUE
