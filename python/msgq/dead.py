"""DeadLetters: those of a store that fit some criteria, to walk, count, send again, remove, export.

Any thread. Nothing is kept between calls, and each call goes page by page: a million dead letters
need no more memory than one page. A call deals with those that were there when it began.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from msgq._dead_filter import DeadFilter
from msgq._pace import Pacer
from msgq.errors import ConfigError
from msgq.message import Message

if TYPE_CHECKING:
    from typing import IO

    from msgq.client import Client
    from msgq.dead_analysis import DeadAnalysis
    from msgq.dead_edit import Changes

PAGE_COUNT_MAX: Final = 200
PAGE_BYTES: Final = 4 << 20
"""What a page of bodies should hold: the next one's length follows from the mean of the last."""
STEP_MAX: Final = 1_000
"""How many go in one call: as many as the stores themselves take in one transaction."""
_FIRST_PAGE: Final = 16
_NAMES: Final = ("handler", "error", "reason", "text", "since", "until", "limit", "after")
Progress = Callable[[int], object]
"""Called with how many were dealt with so far, after each step."""


@dataclass(frozen=True)
class DeadResult:
    """What became of the dead letters that were meant."""

    done: int
    """Sent again, removed, or changed."""
    gone: int
    """No longer dead when it was their turn: somebody else was first."""


class DeadLetters:
    """Dead letters that fit, in the order of their deaths. Get it from `client.dead_letters()`.

    Iterating gives Messages. Every call reads anew. All raise NotFoundError for a queue that is
    not there, ConfigError for a bad cursor, ClosedError, StoreError.
    """

    def __init__(self, client: Client, criteria: DeadFilter) -> None:
        self._client = client
        self.criteria = criteria

    def __repr__(self) -> str:
        return f"DeadLetters({self.criteria.queue or 'all queues'} of {self._client})"

    def __iter__(self) -> Iterator[Message]:
        fits = self.criteria.fits
        found = (letter for page in self._pages() for letter in page if fits(letter))
        return islice(found, self.criteria.limit)

    def count(self) -> int:
        """Counts them; without criteria by the queue's totals, without reading a letter."""
        criteria = self.criteria
        if criteria.is_open and not criteria.after and criteria.limit is None:
            return self._total("dead")
        return sum(1 for _ in self)

    def redrive(self, *, rate: float = 0.0, progress: Progress | None = None) -> DeadResult:
        """Sends them again with fresh counts, in the order of their deaths within each queue.

        rate: messages a second; 0 is as fast as it goes. One that dies again meanwhile is not sent
        a second time. When it raises, those that `progress` told of are sent, the rest is dead as
        before. Raises ConfigError for a bad rate.
        """
        return self._each(self._client._opened().redrive, rate, progress)

    def delete(self, *, progress: Progress | None = None) -> DeadResult:
        """Removes them for good."""
        return self._each(self._client._opened().delete_dead, 0.0, progress)

    def edit(
        self, change: Callable[[Message], Changes | None], *, redrives: bool = False,
        progress: Progress | None = None,
    ) -> DeadResult:  # fmt: skip
        """Changes each as `change` says: new body and headers, or None to leave it as it is.

        redrives: each goes back into its queue in the same commit, as redrive says. Those that
        were left are in neither count. When it raises, as PayloadError for what a letter cannot
        hold, those that `progress` told of are changed, the rest is as before.
        """
        from msgq.dead_edit import encoded

        engine, body_max = self._client._opened(), self._client.config["message_bytes_max"]
        done = gone = 0
        for letter in self:
            if (changes := change(letter)) is None:
                continue
            new = encoded(letter, changes, body_max)
            count = engine.edit_dead(letter.queue, letter.id.bytes, new, redrives)
            done, gone = done + (count > 0), gone + (count == 0)
            if progress is not None:
                progress(done + gone)
        return DeadResult(done, gone)

    def export(self, out: IO[bytes], *, progress: Progress | None = None) -> int:
        """Writes them as JSON Lines, which import_dead_letters reads; gives how many. Removes none.

        Raises what `out` raises.
        """
        from msgq.dead_export import line_of

        count = 0
        for count, letter in enumerate(self, start=1):
            out.write(line_of(letter))
            if progress is not None:
                progress(count)
        return count

    def analyze(self) -> DeadAnalysis:
        """Counts them by error, handler, queue and hour, and finds groups that look alike."""
        from msgq.dead_analysis import analyze

        return analyze(self, self._total("done", "dead"))

    def _pages(self) -> Iterator[list[Message]]:
        """Gives pages of at most as many letters as there are now, so that it ends.

        Letters come in the order of their deaths: what dies, or dies again, while they are read is
        behind the others, and is not reached.
        """
        engine = self._client._opened()
        left, size = self._total("dead"), _FIRST_PAGE
        queue, after = self.criteria.queue or "", self.criteria.after
        while found := engine.dead(queue, after, size):
            page = [Message(each) for each in found[:left]]
            yield page
            left -= len(page)
            if left <= 0:
                return
            after = found[-1][15]
            mean = sum(len(each[6]) for each in found) / len(found) + 1
            size = max(1, min(PAGE_COUNT_MAX, int(PAGE_BYTES / mean)))

    def _total(self, *names: str) -> int:
        """Sums these totals of the queue, or of all."""
        queue, engine = self.criteria.queue, self._client._opened()
        depths: Sequence[dict[str, Any]] = engine.depth()
        if queue is not None and all(each["queue"] != queue for each in depths):
            engine.dead(queue, "", 1)  # a queue that is not there is its to refuse
        mine = (each for each in depths if queue in {None, each["queue"]})
        return sum(each[name] for each in mine for name in names)

    def _each(
        self, act: Callable[[str, Sequence[bytes]], int], rate: float, progress: Progress | None
    ) -> DeadResult:
        pacer, step = Pacer(_checked(rate)), _step(rate)
        named = ((letter.queue, letter.id.bytes) for letter in self)
        done = gone = 0
        while some := list(islice(named, step)):
            pacer.wait(len(some))
            for queue in dict.fromkeys(queue for queue, _ in some):
                ids = [key for each, key in some if each == queue]
                count = act(queue, ids)
                done += count
                gone += max(0, len(ids) - count)
            if progress is not None:
                progress(done + gone)
        return DeadResult(done, gone)


def _checked(rate: float) -> float:
    is_number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if not is_number or not math.isfinite(rate) or rate < 0:
        raise ConfigError(f"rate is messages a second, 0 for no limit, got {rate!r:.60}")
    return rate


def _step(rate: float) -> int:
    """How many go in one call: a tenth of a second's worth."""
    return max(1, min(STEP_MAX, int(rate / 10))) if rate else STEP_MAX


def make_filter(queue: str | None, criteria: Any) -> DeadFilter:
    """Checks names and values. Raises ConfigError."""
    for name in criteria:
        if name not in _NAMES:
            near = get_close_matches(name, _NAMES, 1)
            hint = f"; did you mean {near[0]}=?" if near else ""
            raise ConfigError(f"unknown criterion {name}=; there are {', '.join(_NAMES)}{hint}")
    return DeadFilter(queue=queue, **criteria)
