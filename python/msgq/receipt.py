"""What a producer holds after enqueue: settled once as persisted, failed, in doubt or dropped.

Any thread may look, wait, await and add callbacks.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, overload

import msgspec

from msgq.duration import Duration, parse_duration
from msgq.errors import InternalError, WaitTimeoutError

if TYPE_CHECKING:
    import asyncio

    from msgq import _core

Status: TypeAlias = Literal[
    "pending", "persisted", "duplicate", "failed", "in_doubt", "dropped", "uncommitted"
]
STATUSES: Final[tuple[Status, ...]] = (
    "pending", "persisted", "duplicate", "failed", "in_doubt", "dropped", "uncommitted",
)  # fmt: skip
WORST_FIRST: Final[tuple[Status, ...]] = (
    "pending", "in_doubt", "failed", "dropped", "duplicate", "uncommitted", "persisted",
)  # fmt: skip
_FAILED: Final = (3, 4)
_lock = threading.Lock()  # guards Pending.callbacks; held for a few list operations only


class Pending:
    """A core receipt and the Python callbacks that wait for it."""

    __slots__ = ("callbacks", "core")

    def __init__(self, core: _core.Receipt) -> None:
        self.core = core
        self.callbacks: list[Callable[[], None]] | None = None

    def add(self, callback: Callable[[], None]) -> None:
        """Calls `callback` once settled: at once, or later in the notice thread."""
        with _lock:
            is_first = self.callbacks is None
            is_done = self.core.status != 0 and is_first
            if not is_done:
                self.callbacks = [callback] if self.callbacks is None else self.callbacks
                if not is_first:
                    self.callbacks.append(callback)
        if is_done:
            callback()
        elif is_first:
            from msgq._notice import notifier

            notifier().watch(self.core, self._fire)

    def _fire(self) -> None:
        with _lock:
            waiting, self.callbacks = self.callbacks or [], None
        for callback in waiting:
            callback()

    def wait(self, deadline: float | None) -> bool:
        """Waits until settled or until the monotonic `deadline`."""
        self.refuse_wait()
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        return self.core.wait(left)

    def status_of(self, index: int) -> Status:
        """Gives the status of one of its messages."""
        return STATUSES[self.core.status_of(index)]

    def counts(self) -> list[tuple[Status, int]]:
        """Gives how many of its messages have which status, none of them 0."""
        duplicates: int = self.core.duplicates
        status = STATUSES[self.core.status]
        if not duplicates:
            return [(status, self.core.count)]
        rest = self.core.count - duplicates
        return [("duplicate", duplicates), *([(status, rest)] if rest else [])]

    @property
    def is_held(self) -> bool:
        """Whether nothing can become of it yet."""
        return False

    def refuse_wait(self) -> None:
        """Raises HeldError where waiting would never end."""

    def failure(self) -> BaseException | None:
        """Gives why it failed, is in doubt or is refused as a duplicate; None otherwise."""
        error = self.core.error()
        if error is None and self.core.status in _FAILED:
            return InternalError("the message failed without a reason")
        return error


class _Waiting:
    """Waiting and telling, over some parcels; what Receipt and BatchReceipt share."""

    __slots__ = ()

    def _parcels(self) -> Sequence[Pending]:
        raise NotImplementedError

    def done(self) -> bool:
        """True once settled."""
        return all(each.core.status for each in self._parcels())

    @property
    def is_held(self) -> bool:
        """True while it is held: its handler has not succeeded yet, or its transaction."""
        return any(each.is_held for each in self._parcels())

    def _refuse_wait(self) -> None:
        for each in self._parcels():
            each.refuse_wait()

    @property
    def error(self) -> BaseException | None:
        """Why it failed or is in doubt; None otherwise. The first one's for a batch."""
        return next((e for e in (each.failure() for each in self._parcels()) if e), None)

    def _wait(self, timeout: Duration | None) -> None:
        seconds = None if timeout is None else parse_duration(timeout, "timeout")
        deadline = None if seconds is None else time.monotonic() + seconds
        for each in self._parcels():
            if not each.wait(deadline):
                raise WaitTimeoutError(f"not settled within {seconds:g} s; it still may be")
        self._raise_failure()

    def _raise_failure(self) -> None:
        error = self.error
        if error is not None:
            if hasattr(error, "receipt"):
                error.receipt = self
            raise error

    def _add_callback(self, callback: Callable[[], object]) -> None:
        left = [each for each in self._parcels() if not each.core.status]
        if not left:
            callback()
            return
        counter = _Countdown(len(left), callback)
        for each in left:
            each.add(counter)

    async def _await(self) -> None:
        if not self.done():
            self._refuse_wait()
            import asyncio

            from msgq._notice import notifier

            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            telling = notifier()
            self._add_callback(lambda: telling.wake_later(future))
            if self.done() and not future.done():
                # settled while we asked: the callback may have run here, where nobody wakes us
                future.set_result(None)
            await future
        self._raise_failure()


class _Countdown:
    """Calls back when called for the last of some parcels."""

    def __init__(self, count: int, callback: Callable[[], object]) -> None:
        self._left = count
        self._callback = callback

    def __call__(self) -> None:
        with _lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            self._callback()


class Receipt(msgspec.Struct, _Waiting, gc=False, eq=False, repr_omit_defaults=True):
    """Of one message. Settled when enqueue returned it, pending when enqueue_later did."""

    _settled: bytes = b""  # 16 bytes of id, one of status
    _pending: Pending | None = None

    def __repr__(self) -> str:
        return f"Receipt({self.id}, {self.status})"

    def _parcels(self) -> Sequence[Pending]:
        return () if self._pending is None else (self._pending,)

    @property
    def id(self) -> uuid.UUID:
        """The message's id, known before it is stored."""
        return uuid.UUID(bytes=self._pending.core.id(0) if self._pending else self._settled[:16])

    @property
    def status(self) -> Status:
        """One of pending, persisted, duplicate, failed, in_doubt, dropped, uncommitted."""
        return STATUSES[self._pending.core.status if self._pending else self._settled[16]]

    @property
    def copies(self) -> tuple[Receipt, ...]:
        """The receipt of each queue's copy, when rules sent it to several; else itself."""
        return (self,)

    def wait(self, timeout: Duration | None = None) -> Receipt:
        """Waits until settled; gives itself. Raises WaitTimeoutError, or what made it fail."""
        self._wait(timeout)
        return self

    def __await__(self) -> Generator[Any, None, Receipt]:
        yield from self._await().__await__()
        return self

    def add_done_callback(self, callback: Callable[[Receipt], object]) -> None:
        """Calls `callback(self)` once settled: at once, or later in a thread of msgq's."""
        self._add_callback(lambda: callback(self))


class BatchReceipt(_Waiting):
    """Of the messages of one enqueue_many call: ids and statuses are made when looked at.

    Has the length of the batch; indexing and iterating give (id, status) of each message in order.
    """

    __slots__ = ("_all", "_count", "_places")

    def __init__(
        self, receipts: Sequence[_core.Receipt], order: Sequence[int] | None = None
    ) -> None:
        """`order`: which message of the batch each of the receipts' is; None: as they came."""
        self._all = [Pending(each) for each in receipts]
        self._count = sum(each.count for each in receipts)
        self._places: list[int] | None = None
        if order is not None:
            self._places = [0] * self._count
            for place, index in enumerate(order):
                self._places[index] = place

    @classmethod
    def of(cls, parcels: Sequence[Pending], order: Sequence[int] | None = None) -> BatchReceipt:
        """Gives one receipt for parcels that are waited for in ways of their own."""
        made = cls([each.core for each in parcels], order)
        made._all = list(parcels)
        return made

    @classmethod
    def joined(cls, batches: Sequence[BatchReceipt]) -> BatchReceipt:
        """Gives one receipt for several batches, one after the other."""
        made = cls([])
        made._all = [each for batch in batches for each in batch._all]
        made._count = sum(map(len, batches))
        if any(batch._places is not None for batch in batches):
            made._places = []
            for batch in batches:
                first = len(made._places)
                made._places += [first + each for each in batch._places or range(len(batch))]
        return made

    def __repr__(self) -> str:
        return f"BatchReceipt({self._count} messages, {self.counts()})"

    def _parcels(self) -> Sequence[Pending]:
        return self._all

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._count))]
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(f"index {index} of a batch of {self._count}")
        place = place if self._places is None else self._places[place]
        for each in self._all:
            if place < each.core.count:
                return Item(uuid.UUID(bytes=each.core.id(place)), each.status_of(place))
            place -= each.core.count
        raise InternalError("a batch receipt lost count of its messages")

    def __iter__(self) -> Iterator[Item]:
        if self._places is not None:
            sent = list(self._sent())
            return iter([sent[place] for place in self._places])
        return self._sent()

    def _sent(self) -> Iterator[Item]:
        for each in self._all:
            for place in range(each.core.count):
                yield Item(uuid.UUID(bytes=each.core.id(place)), each.status_of(place))

    @property
    def ids(self) -> list[uuid.UUID]:
        """The ids of all messages, in order."""
        return [each.id for each in self]

    def counts(self) -> dict[Status, int]:
        """How many messages have each status; statuses nobody has are left out."""
        found: dict[Status, int] = {}
        for each in self._all:
            for status, count in each.counts():
                found[status] = found.get(status, 0) + count
        return found

    @property
    def status(self) -> Status:
        """The status all share; else the worst: pending, in_doubt, failed, dropped."""
        found = self.counts() or {"persisted": 0}
        order: tuple[Status, ...] = ("pending", "in_doubt", "failed", "dropped", "duplicate")
        return next((each for each in order if each in found), "persisted")

    def wait(self, timeout: Duration | None = None) -> BatchReceipt:
        """Waits until all are settled; gives itself. Raises WaitTimeoutError, or a failure."""
        self._wait(timeout)
        return self

    def __await__(self) -> Generator[Any, None, BatchReceipt]:
        yield from self._await().__await__()
        return self

    def add_done_callback(self, callback: Callable[[BatchReceipt], object]) -> None:
        """Calls `callback(self)` once all are settled: at once, or in a thread of msgq's."""
        self._add_callback(lambda: callback(self))


class Item(NamedTuple):
    """One message of a batch."""

    id: uuid.UUID
    status: Status


AnyReceipt: TypeAlias = Receipt | BatchReceipt


class Collected(NamedTuple):
    """Receipts by what became of them."""

    ok: list[AnyReceipt]
    failed: list[AnyReceipt]
    pending: list[AnyReceipt]

    @property
    def is_all_ok(self) -> bool:
        """True when every one was persisted."""
        return not self.failed and not self.pending


def as_completed(
    receipts: Iterable[AnyReceipt], timeout: Duration | None = None
) -> Iterator[AnyReceipt]:
    """Gives the receipts in the order they settle, failed ones too.

    Raises WaitTimeoutError when `timeout` is over and some are left.
    """
    waiting = list(receipts)
    settled: queue.SimpleQueue[AnyReceipt] = queue.SimpleQueue()
    for each in waiting:
        each._refuse_wait()
        each.add_done_callback(settled.put)
    seconds = None if timeout is None else parse_duration(timeout, "timeout")
    deadline = None if seconds is None else time.monotonic() + seconds
    for number in range(len(waiting)):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            yield settled.get(timeout=left)
        except queue.Empty:
            text = f"{len(waiting) - number} of {len(waiting)} not settled within {seconds:g} s"
            raise WaitTimeoutError(text) from None


def collect(receipts: Iterable[AnyReceipt], timeout: Duration | None = None) -> Collected:
    """Waits for all of them or for `timeout` and sorts them; never raises for what failed."""
    waiting = list(receipts)
    seconds = None if timeout is None else parse_duration(timeout, "timeout")
    deadline = None if seconds is None else time.monotonic() + seconds
    found = Collected([], [], [])
    for each in waiting:
        if not all(parcel.wait(deadline) for parcel in each._parcels()):
            found.pending.append(each)
        elif each.error is None and each.status in ("persisted", "duplicate"):
            found.ok.append(each)
        else:
            found.failed.append(each)
    return found


def wait_all(receipts: Iterable[AnyReceipt], timeout: Duration | None = None) -> None:
    """Waits until every one is settled. Raises WaitTimeoutError, or the first failure."""
    waiting = list(receipts)
    found = collect(waiting, timeout)
    if found.pending:
        raise WaitTimeoutError(f"{len(found.pending)} of {len(waiting)} receipts not settled yet")
    for each in found.failed:
        each._raise_failure()
