"""One handler thread's place: which lot it runs, how far it is, and who may end it early.

The thread itself writes; the watch thread and a stopping worker look, and may take the lot over.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from msgq._core import Decision, Lot
    from msgq._held import Sends
    from msgq._run import Runner


class Places(Protocol):
    """What knows how much of a lot was not begun: the core's Run, or the iterator of a list."""

    def __length_hint__(self) -> int: ...


class PlacesIterator(Places, Protocol):
    """Places that somebody walks."""

    def __next__(self) -> Any: ...


def places_of(items: list[Any]) -> PlacesIterator:
    """Gives the iterator of a list."""
    return cast("PlacesIterator", iter(items))


class Slot:
    """Room for one lot."""

    def __init__(self) -> None:
        # fixed after construction
        self.lock = threading.Lock()
        # appended to by anybody who wants the thread to start no further message
        self.halt: list[str] = []
        # guarded by lock; lot is None between lots and after somebody took it over
        self.lot: Lot | None = None
        self.runner: Runner | None = None
        self.places: Places = places_of([])
        self.decisions: list[Decision] = []
        self.sends: Sends | None = None  # set before begin()
        self.count = 0
        # only the watch thread
        self.seen: tuple[int, int] = (0, 0)
        self.seen_at = 0.0
        self.serial = 0

    def begin(
        self, runner: Runner, lot: Lot, places: Places, count: int,
        decisions: list[Decision],
    ) -> None:  # fmt: skip
        """Notes what the thread starts on."""
        with self.lock:
            self.serial += 1
            self.lot, self.runner, self.places = lot, runner, places
            self.decisions, self.count = decisions, count

    def end(self) -> bool:
        """Notes that the lot is over. False when it was taken over: its results must be dropped."""
        with self.lock:
            is_ours = self.lot is not None
            self.lot = self.sends = None  # it knows its slot, whose places hold the lot's bytes
            return is_ours

    def place(self) -> int:
        """How many messages of the lot are begun or done; the one begun last counts."""
        return self.count - self.places.__length_hint__()

    def take_over(self) -> tuple[Lot, Runner, int, list[Decision], Sends | None] | None:
        """Takes the lot from a stuck thread; the index is that of the message it is stuck at."""
        with self.lock:
            if self.lot is None or self.runner is None:
                return None
            self.halt.append("taken over")
            if self.sends is not None:
                self.sends.end(is_failed=True)
            index = max(0, self.place() - 1)
            taken = (self.lot, self.runner, index, list(self.decisions), self.sends)
            self.lot = None
            return taken
