"""One event loop's way into the engine: one parcel for each turn, one wake-up for each flush.

Belongs to one event loop and its thread.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from msgq._engine import core
from msgq.errors import MsgqError, QueueFullError
from msgq.priority import NORMAL
from msgq.receipt import Receipt

if TYPE_CHECKING:
    from msgq import _core
    from msgq._core import Engine
    from msgq.config import Config

Life: TypeAlias = tuple[int, int, str, bytes, int]
"""Priority, expiry in ms (0: never), key ("": none), dedup id and terms, what of a duplicate."""
PLAIN: Final[Life] = (NORMAL, 0, "", b"", 0)
Group: TypeAlias = tuple[str, str, int, int, Life]
"""queue, type, content, due in ms, life."""
_RETRY_SECONDS: Final = 0.002  # a guess: about the time of a flush
_FAILED: Final = (3, 4)


class _Waiters:
    """The messages of one group enqueued in this turn of the loop."""

    __slots__ = ("bodies", "bytes", "futures", "headers", "since")

    def __init__(self, since: float) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[bytes | None] = []
        self.futures: list[asyncio.Future[Receipt]] = []
        self.bytes = 0
        self.since = since

    def cut(self) -> _Waiters:
        """Takes the first half out and gives it."""
        half, first = len(self.bodies) // 2, _Waiters(self.since)
        first.bodies, self.bodies = self.bodies[:half], self.bodies[half:]
        first.headers, self.headers = self.headers[:half], self.headers[half:]
        first.futures, self.futures = self.futures[:half], self.futures[half:]
        return first


class Bridge:
    """Enqueues from one event loop without ever blocking it."""

    def __init__(self, engine: Engine, config: Config) -> None:
        # fixed after construction
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._waker: _core.Waker = core().Waker()
        self._count_max: int = config["batch_count_max"]
        self._bytes_max: int = config["batch_bytes_max"]
        self._overflow_wait: float = config["overflow_wait"]
        # only the loop's thread
        self._groups: dict[Group, _Waiters] = {}
        self._stalled: deque[tuple[Group, _Waiters]] = deque()
        self._is_due = False
        self._tokens = itertools.count(1)
        self._sent: dict[int, tuple[_core.Receipt, list[asyncio.Future[Receipt]]]] = {}
        self._loop.add_reader(self._waker.fileno(), self._answer)

    def put(self, group: Group, body: bytes, headers: bytes | None) -> asyncio.Future[Receipt]:
        """Enqueues one message; the future gives its settled receipt."""
        waiters = self._groups.get(group)
        if waiters is None:
            waiters = self._groups[group] = _Waiters(self._loop.time())
            if not self._is_due:
                self._is_due = True
                self._loop.call_soon(self._flush)
        future: asyncio.Future[Receipt] = self._loop.create_future()
        waiters.bodies.append(body)
        waiters.headers.append(headers)
        waiters.futures.append(future)
        waiters.bytes += len(body)
        # alone in its parcel: what becomes of it is its own
        has_dedup = bool(group[4][3]) and not self._stalled
        if has_dedup or len(waiters.bodies) >= self._count_max or waiters.bytes >= self._bytes_max:
            self._flush()
        return future

    async def put_many(
        self,
        group: Group,
        bodies: Sequence[bytes],
        headers: bytes | None,
        each: Sequence[bytes | None] | None,
        *,
        keys: Sequence[str] | None = None,
        onces: Sequence[bytes] | None = None,
    ) -> list[_core.Receipt]:
        """Admits many messages; waits without blocking the loop while there is no room.

        In their order; with a key for each in that of by_shard, as the engine's own enqueue_many.
        """
        queue, kind, content, due, (priority, expires, key, once, on_duplicate) = group
        ends = [len(bodies)]
        if keys is not None:
            order, ends = core().by_shard(keys, once if onces is None else onces)
            bodies, keys = [bodies[i] for i in order], [keys[i] for i in order]
            each = None if each is None else [each[i] for i in order]
            onces = None if onces is None else [onces[i] for i in order]
        receipts: list[_core.Receipt] = []
        start, deadline = 0, self._loop.time() + self._overflow_wait
        while start < len(bodies):
            end = self._cut(bodies, start, next(one for one in ends if one > start))
            some = None if each is None else each[start:end]
            found = self._engine.try_enqueue(
                queue, kind, content, bodies[start:end], headers, due, some, priority, expires,
                key if keys is None else keys[start:end],
                once if onces is None else onces[start:end], on_duplicate,
            )  # fmt: skip
            if found is not None:
                receipts.append(found)
                start = end
            elif self._loop.time() > deadline:
                raise QueueFullError(f"no room for {end - start} messages of {queue!r} in time")
            else:
                await asyncio.sleep(_RETRY_SECONDS)
        return receipts

    def _cut(self, bodies: Sequence[bytes], start: int, most: int) -> int:
        """Gives the end of the next parcel: as many as fit, at least one; `most` at the latest."""
        end, size = start, 0
        while end < most and end - start < self._count_max:
            size += len(bodies[end])
            if size > self._bytes_max and end > start:
                break
            end += 1
        return end

    def _flush(self) -> None:
        """Sends every group down as one parcel; what finds no room is tried again soon."""
        self._is_due = False
        self._stalled += self._groups.items()
        self._groups = {}
        while self._stalled:
            group, waiters = self._stalled[0]
            if self._send(group, waiters) or self._give_up(group, waiters):
                self._stalled.popleft()
            elif len(waiters.bodies) == 1:
                break
            else:  # the half of it may find room
                self._stalled[0] = (group, waiters.cut())
                self._stalled.insert(1, (group, waiters))
        if self._stalled:
            self._is_due = True
            self._loop.call_later(_RETRY_SECONDS, self._flush)

    def _send(self, group: Group, waiters: _Waiters) -> bool:
        queue, kind, content, due, life = group
        each = waiters.headers if any(waiters.headers) else None
        try:
            receipt = self._engine.try_enqueue(
                queue, kind, content, waiters.bodies, None, due, each, *life, True
            )
        except MsgqError as error:
            self._split(group, waiters, error)
            return True
        if receipt is None:
            return False
        self._watch(receipt, waiters.futures)
        return True

    def _watch(self, receipt: _core.Receipt, futures: list[asyncio.Future[Receipt]]) -> None:
        token = next(self._tokens)
        self._sent[token] = (receipt, futures)
        receipt.notify(self._waker, token)

    def _split(self, group: Group, waiters: _Waiters, error: MsgqError) -> None:
        """Finds whose fault it is: one bad message must not fail its neighbours."""
        if len(waiters.futures) == 1 or not isinstance(error, ValueError):
            for future in waiters.futures:
                if not future.done():
                    future.set_exception(error)
            return
        left: list[tuple[Group, _Waiters]] = []
        for place, future in enumerate(waiters.futures):
            alone = _Waiters(waiters.since)
            alone.bodies, alone.futures = [waiters.bodies[place]], [future]
            alone.headers = [waiters.headers[place]]
            if left or not self._send(group, alone):
                left.append((group, alone))
        for each in reversed(left):  # next after this parcel, before what came later
            self._stalled.insert(1, each)

    def _give_up(self, group: Group, waiters: _Waiters) -> bool:
        """Fails what has waited for room too long; says whether it did."""
        if self._loop.time() - waiters.since <= self._overflow_wait:
            return False
        error = QueueFullError(f"no room in queue {group[0]!r} within the overflow_wait")
        for future in waiters.futures:
            if not future.done():
                future.set_exception(error)
        return True

    def _answer(self) -> None:
        """Resolves the futures of every parcel that settled since the last wake-up."""
        for token in self._waker.drain():
            receipt, futures = self._sent.pop(token)
            if receipt.rest is not None:  # a bounded queue had room for those before
                self._watch(receipt.rest, futures[receipt.end :])
                futures = futures[: receipt.end]
            status = receipt.status
            error = receipt.error()
            if status in _FAILED or error is not None:
                error = error or MsgqError("the message failed without a reason")
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
                continue
            tail = bytes((status,))
            for place, future in enumerate(futures):
                if not future.done():
                    future.set_result(Receipt(receipt.id(place) + tail))


def make_bridge(engine: Engine, config: Config) -> Bridge:
    """Gives the bridge for the running loop; sync:// has one of its own."""
    return SyncBridge(engine) if config.url.scheme == "sync" else Bridge(engine, config)


class SyncBridge(Bridge):
    """The same face for sync://: a thread runs the handler while the loop goes on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop = asyncio.get_running_loop()

    def put(self, group: Group, body: bytes, headers: bytes | None) -> asyncio.Future[Receipt]:
        """Runs one message; the future gives its settled receipt."""
        queue, kind, content, due, life = group
        put = self._engine.enqueue_wait

        def run() -> Receipt:
            return Receipt(put(queue, kind, content, body, headers, due, *life))

        return self._loop.run_in_executor(None, run)

    async def put_many(
        self,
        group: Group,
        bodies: Sequence[bytes],
        headers: bytes | None,
        each: Sequence[bytes | None] | None,
        *,
        keys: Sequence[str] | None = None,
        onces: Sequence[bytes] | None = None,
    ) -> list[_core.Receipt]:
        """Runs many messages, in order."""
        queue, kind, content, due, (priority, expires, key, once, on_duplicate) = group
        return await asyncio.to_thread(
            self._engine.enqueue_many, queue, kind, content, bodies, headers, due, each,
            priority, expires, key if keys is None else keys, once if onces is None else onces,
            on_duplicate,
        )  # fmt: skip
