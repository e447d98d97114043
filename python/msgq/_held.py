"""What is sent inside a handler or a transaction: kept back until that comes about, or dropped.

Each thread and each task has its own scope. Threads that a handler starts have none: what they send
goes at once, unless they run in a copy of its context (asyncio.to_thread).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from msgq._hops import HANDLING
from msgq.errors import HeldError, QueueFullError, RolledBackError
from msgq.receipt import Pending

if TYPE_CHECKING:
    from msgq._core import Decision, Engine, Kept, Lot, Receipt
    from msgq._hops import HasPlace
    from msgq.config import Config

ROOM_SECONDS: Final = 0.002  # a guess: about the time of a flush


class Scope(Protocol):
    """Where what is sent is kept."""

    engine: Any
    is_open: bool
    """Whether it is still undecided what becomes of it: waiting for that would be for ever."""

    def keeps(self, engine: Any, wish: bool | None) -> bool:
        """Says whether something for this engine is kept; `wish` is what the call says of it."""

    def add(self, kept: list[Kept]) -> None:
        """Keeps it."""


SCOPE: Final[ContextVar[Scope | None]] = ContextVar("msgq_scope", default=None)


class HeldPending(Pending):
    """A receipt of something that is kept."""

    __slots__ = ("_scope",)

    def __init__(self, core: Receipt, scope: Scope) -> None:
        super().__init__(core)
        self._scope = scope

    @property
    def is_held(self) -> bool:
        """Whether nothing can become of it yet."""
        return not self.core.status and self._scope.is_open

    def refuse_wait(self) -> None:
        """Raises HeldError where waiting would never end."""
        if self.is_held:
            raise HeldError(
                "this message is held until its handler has succeeded, or its transaction ends: "
                "waiting for it here would never end; send it with using(held=False), or held=False"
            )


class Sends:
    """What the handler of one lot, or of one message of it, has sent."""

    __slots__ = ("_is_on", "_place", "direct", "engine", "is_failed", "is_open", "kept")

    def __init__(self, engine: Engine, place: int | HasPlace, is_on: bool) -> None:
        self.engine = engine
        self._place = place
        self._is_on = is_on
        self.kept: dict[int, list[Kept]] | None = None  # by place in the lot
        self.direct: set[int] | None = None  # places whose sends are not held any more
        self.is_open = True
        self.is_failed = False

    @property
    def place(self) -> int:
        """Which message of the lot is being handled."""
        place = self._place
        return place if isinstance(place, int) else max(0, place.place() - 1)

    def keeps(self, engine: Any, wish: bool | None) -> bool:
        """Says whether something for this engine is kept."""
        if wish is False:
            return False
        if self.is_failed:
            raise RolledBackError(
                "the message of this handler was given up, as it took too long; nothing was sent"
            )
        if not (wish or self._is_on) or not self.is_open:
            return False
        return engine is self.engine and not (self.direct and self.place in self.direct)

    def add(self, kept: list[Kept]) -> None:
        """Keeps it for the message being handled."""
        if self.kept is None:
            self.kept = {}
        self.kept.setdefault(self.place, []).extend(kept)

    def let_go(self) -> list[Kept]:
        """Takes what the present message has sent; the rest of it is not held any more."""
        place = self.place
        self.direct = (self.direct or set()) | {place}
        return [] if self.kept is None else self.kept.pop(place, [])

    def end(self, *, is_failed: bool = False) -> None:
        """The handler is over. `is_failed`: it may still run, but nobody waits for it."""
        self.is_open = False
        self.is_failed = is_failed


@runtime_checkable
class Settling(Protocol):
    """A scope that also settles deliveries: a transaction."""

    is_open: bool

    def settle(self, delivery: Any, decision: Decision) -> None:
        """Keeps the settling of a delivery."""


class Group:
    """What one call sends to several queues: all of it or nothing."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.is_open = False  # it is committed before anybody can wait
        self.kept: list[Kept] = []

    def keeps(self, engine: Any, _wish: bool | None) -> bool:
        """Says whether something for this engine is kept."""
        return engine is self.engine

    def add(self, kept: list[Kept]) -> None:
        """Keeps it."""
        self.kept += kept


def scope_for(engine: Any, wish: bool | None) -> Scope | None:
    """Gives where a message for this engine is kept; None: it goes at once."""
    scope = SCOPE.get()
    return scope if scope is not None and scope.keeps(engine, wish) else None


@contextmanager
def outside() -> Iterator[None]:
    """In its block nothing is kept or settled with something else."""
    token = SCOPE.set(None)
    try:
        yield
    finally:
        SCOPE.reset(token)


def drop(kept: Iterable[Kept], why: str) -> None:
    """Tells the receipts that these were not sent."""
    for each in kept:
        each.drop(why)


def let_go(engine: Any, lot: Lot) -> Receipt | None:
    """Sends what the handler of this lot has sent so far: its message ends in a way of its own."""
    scope, now = SCOPE.get(), HANDLING.get()
    is_its = isinstance(scope, Sends) and now is not None and now[0] is lot
    kept = scope.let_go() if isinstance(scope, Sends) and is_its else []
    receipt: Receipt | None = engine.commit((), kept, 0.0, False) if kept else None
    return receipt


def raise_failure(receipt: Receipt) -> None:
    """Raises what a settled receipt says."""
    error = receipt.error()
    if error is not None:
        raise error


def room_of(config: Config) -> float:
    """How long a commit waits for room among what is on its way into the store."""
    seconds: float = config["overflow_wait"] if config["overflow"] == "block" else 0.0
    return seconds


async def commit_soon(
    engine: Any,
    parts: Sequence[tuple[Lot, Sequence[Decision | int]]],
    kept: Sequence[Kept],
    wait: float,
    *,
    is_patient: bool,
) -> Receipt:
    """Commits without blocking the loop while there is no room. Raises QueueFullError."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        try:
            receipt: Receipt = engine.commit(parts, kept, 0.0, is_patient)
        except QueueFullError:  # noqa: PERF203 (the other way is to block)
            if loop.time() >= until:
                raise
            await asyncio.sleep(ROOM_SECONDS)
        else:
            return receipt
