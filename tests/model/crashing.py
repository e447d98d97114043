"""The machine whose processes die: a child claims, is killed, and what it held comes back counted.

A machine of its own, and a small one, for each death costs a process. Here nobody holds anything
from step to step, as a suspect is handed to nobody who holds something.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.bench import LEASE_S, SETTINGS, Bench
from tests.model.comparison import at, clients, places
from tests.model.looking import Looking
from tests.model.model import Entry, Handed
from tests.model.sending import Sending
from tests.model.working import outcomes, returns
from tests.system.support.program import Program
from tests.system.support.world import World


class CrashMachine(Sending, Looking):
    """Some processes send and work, others only claim and die."""

    def __init__(self, bench: Bench, world: World) -> None:
        super().__init__(bench)
        self.world = world

    @precondition(lambda self: self.full(0))
    @rule(client=clients, place=places, count=st.integers(1, 4), outcome=outcomes, delay=returns)
    def work(self, client: int, place: int, count: int, outcome: str, delay: Any) -> None:
        for held in self.claim_from(client, at(place, self.full(client)), count):
            self.settle(held, outcome, delay)

    @precondition(lambda self: self.full(0))
    @rule(place=places, count=st.integers(1, 4))
    def crash(self, place: int, count: int) -> None:
        self.crash_with(at(place, self.full(0)), count)

    def crash_with(self, name: str, count: int) -> None:
        """A child claims up to so many (one, where a suspect may be it), and is killed."""
        holder, queue = object(), self.model[name]
        ready = queue.claimable(holder)
        most = 1 if any(each.is_suspect for each in ready) else min(count, len(ready))
        child = self.start(name, most)
        queue.hand_out(handed_to(child, ready), most, holder)
        self.world.kill(child)
        child.close()
        queue.crash(holder)
        self.world.until(lambda: self.bench.depths(0)[name].leased == 0, "what it held is back")

    def start(self, name: str, count: int) -> Program:
        """A child that claims so many and then waits for its end."""
        client = f"child{len(self.world.programs)}"
        spec: dict[str, Any] = {"queue": name, "count": count}
        spec |= {"lease_s": LEASE_S, "settings": SETTINGS}
        return self.world.start("claim", client, **spec)


def handed_to(child: Program, ready: list[Entry]) -> list[Handed]:
    """What the child says it claimed; what it does not tell is as it should be."""
    told = child.expect("claimed")
    by_body = {each.body.decode(): each for each in ready}
    pairs = zip(told["bodies"], told["attempts"], strict=True)
    found = [(by_body[body], attempt) for body, attempt in pairs]
    return [Handed(e.id, e.body, e.headers, attempt, e.failures) for e, attempt in found]
