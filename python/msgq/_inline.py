"""Runs a message's handler in the calling thread, by the same runners a worker uses.

For sync:// and for tests. Any thread; each call runs its own message.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from msgq._ack import Acks
from msgq._decide import Judge
from msgq._run import BatchRunner, EachRunner, HandlerRunner, UnknownRunner
from msgq.errors import UnsupportedError
from msgq.outcome import Outcome

if TYPE_CHECKING:
    from msgq._core import Decision, Engine, Lot
    from msgq._slot import Slot
    from msgq._sync import SyncEngine, SyncLot
    from msgq.app import App
    from msgq.handler import Handler


class _Witness(Judge):
    """A judge that remembers what was raised, for sync_raise."""

    error: BaseException | None = None

    def on_error(
        self, lot: Lot, index: int, error: BaseException, record: bytes | None = None,
        *, millis: float | None = None,
    ) -> Decision:  # fmt: skip
        """Judges as always, and remembers."""
        self.error = None if isinstance(error, Outcome) else error
        return super().on_error(lot, index, error, record, millis=millis)

    def unreadable(self, index: int, error: BaseException) -> Decision:
        """Judges as always, and remembers."""
        self.error = error
        return super().unreadable(index, error)


class Inline:
    """Runs messages for the handlers of one app."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, engine: SyncEngine, lot: SyncLot, slot: Slot) -> BaseException | None:
        """Runs one message to a decision; gives what its handler raised."""
        handlers = self._app.handlers
        _refuse_subscriptions(handlers.values(), lot.queue)
        found = handlers.get(lot.type) if lot.type else None
        if found is None or lot.queue not in found.settings.queues:
            found = handlers.get(f"{lot.queue}:*")
        if found is None:
            self._unknown(engine, lot, slot)
            return None
        runner = self._runner(engine, found)
        runner.run(cast("Lot", lot), slot)
        return cast("_Witness", runner.judge).error

    def _unknown(self, engine: SyncEngine, lot: SyncLot, slot: Slot) -> None:
        if not lot.type:
            raise UnsupportedError(
                f"sync:// stores nothing, and queue {lot.queue!r} has no handler named '*'"
            )
        UnknownRunner(cast("Engine", engine), lot.queue, "dead", 0.0).run(cast("Lot", lot), slot)

    def _runner(self, engine: SyncEngine, handler: Handler[..., Any]) -> HandlerRunner:
        settings = handler.settings
        policy, detail = settings.retry or self._app.policy(), self._app.config["attempt_detail"]
        judge = _Witness(policy, self._app.exceptions, detail)
        function = _blocking(handler.function) if settings.is_async else handler.function
        kind = BatchRunner if settings.batch else EachRunner
        own = cast("Engine", engine)
        acks = Acks(own, self._app)
        holds = self._app.config["hold_sends"]
        holds = holds if settings.hold_sends is None else settings.hold_sends
        return kind(own, handler.name, function, handler._plan, judge, acks=acks, holds=holds)


def _refuse_subscriptions(handlers: Iterable[Handler[..., Any]], queue: str) -> None:
    for each in handlers:
        if each.settings.subscription is not None and queue in each.settings.queues:
            raise UnsupportedError(
                f"sync:// stores nothing, so queue {queue!r} can have no subscription "
                f"{each.settings.subscription!r}: use memory://"
            )


def _blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a plain function of an async one; it runs in a loop of its own."""

    def run(*args: Any, **kwargs: Any) -> Any:
        import asyncio

        async def call() -> Any:
            return await function(*args, **kwargs)

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(call())
        return _in_thread(lambda: asyncio.run(call()))

    return run


def _in_thread(call: Callable[[], Any]) -> Any:
    """Calls in a thread of its own, where no event loop runs."""
    answer: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(call())
        except BaseException as error:  # noqa: BLE001 (raised again by the caller)
            failed.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,))
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return answer[0]
