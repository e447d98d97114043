"""Tells Python when receipts settle: one thread watches a Waker and runs what waits for each.

One thread for the process, started when first needed. Event loops are woken once for all receipts
that settled together.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgq import _lifecycle

if TYPE_CHECKING:
    from msgq._core import Receipt

Callback = Callable[[], None]


class Notifier:
    """Runs callbacks in its own thread once the receipt they wait for is settled."""

    def __init__(self) -> None:
        from msgq._core import Waker

        # fixed after construction
        self._pid = os.getpid()
        self._waker = Waker()
        self._tokens = itertools.count(1)
        # guarded by the GIL alone: single dict operations
        self._waiting: dict[int, tuple[Receipt, Callback]] = {}
        self._loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        self._end_reader, self._end_writer = os.pipe()
        self._thread = threading.Thread(target=self._run, name="msgq-notice", daemon=True)
        self._thread.start()

    @property
    def is_ours(self) -> bool:
        """False in a forked child, where the thread does not live."""
        return self._pid == os.getpid()

    def close(self) -> None:
        """Ends the thread: at interpreter exit it must not be inside the core."""
        os.close(self._end_writer)
        self._thread.join(1.0)
        os.close(self._end_reader)

    def watch(self, receipt: Receipt, callback: Callback) -> None:
        """Calls `callback` once the receipt is settled. At most once for each receipt."""
        token = next(self._tokens)
        self._waiting[token] = (receipt, callback)
        receipt.notify(self._waker, token)

    def wake_later(self, future: asyncio.Future[None]) -> None:
        """Resolves a future of an event loop, together with others of the same round."""
        self._loops.setdefault(future.get_loop(), []).append(future)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._waker.fileno(), select.POLLIN)
        poll.register(self._end_reader, select.POLLHUP)
        while not any(what & select.POLLHUP for _, what in poll.poll()):
            for token in self._waker.drain():
                self._tell(token)
            loops, self._loops = self._loops, {}
            for loop, futures in loops.items():
                _wake(loop, futures)

    def _tell(self, token: int) -> None:
        found = self._waiting.pop(token, None)
        if found is None:
            return
        try:
            found[1]()
        except Exception:  # noqa: BLE001 (a user's callback may raise anything)
            _lifecycle.logger().exception("a receipt's callback raised")


def _wake(loop: asyncio.AbstractEventLoop, futures: list[asyncio.Future[None]]) -> None:
    try:
        loop.call_soon_threadsafe(_resolve, futures)
    except RuntimeError:
        return  # the loop was closed; nobody waits any more


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


_notifier: Notifier | None = None
_making = threading.Lock()


def notifier() -> Notifier:
    """Gives the process's notifier, made now if there is none (or only the parent's)."""
    global _notifier
    with _making:
        if _notifier is None or not _notifier.is_ours:
            _lifecycle.check_open()
            _notifier = Notifier()
            _lifecycle.at_exit(_notifier.close)
        return _notifier


async def settled(receipt: Receipt) -> None:
    """Waits in an event loop until a core receipt nobody else watches is settled."""
    if receipt.status:
        return
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    telling = notifier()
    telling.watch(receipt, lambda: telling.wake_later(future))
    await future


__all__: list[Any] = ["Notifier", "notifier", "settled"]
