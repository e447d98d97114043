"""The worker's event loop: one thread that runs async handlers, many messages at once.

Everything but start, stop and running_count runs in its thread. One wake-up of the loop takes all
the core has ready; one call settles all that finished in a turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgq import codec
from msgq._decide import ACK
from msgq._held import SCOPE, Sends, commit_soon, drop
from msgq._hops import HANDLING
from msgq._lifecycle import logger
from msgq._run import BatchRunner, HandlerRunner, Runner
from msgq.context import Context
from msgq.errors import MsgqError, PayloadError, WaitTimeoutError
from msgq.outcome import Outcome

if TYPE_CHECKING:
    from msgq import _core
    from msgq._core import Decision, Engine, Lot

    Call = tuple[HandlerRunner, Lot, int, Sends]  # and its key

_JOIN_SECONDS: Final = 1.0


class LoopThread:
    """Runs the async channels of one worker."""

    def __init__(self, engine: Engine, worker: _core.Worker, runners: list[Runner]) -> None:
        from msgq._engine import core

        # fixed after construction
        self._engine = engine
        self._worker = worker
        self._runners = runners
        self._waker: _core.Waker = core().Waker()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="msgq-loop", daemon=True)
        # only the loop's thread
        self._keys = itertools.count()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._open: dict[Lot, int] = {}
        self._decisions: dict[Lot, list[Decision | int]] = {}
        self._deadlines: dict[float, deque[tuple[float, int]]] = {}
        self._timed_out: set[int] = set()
        self._is_stopping = False
        self._is_leaving = False
        self._is_clean = True

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    @property
    def running_count(self) -> int:
        """How many handler calls are running."""
        return len(self._tasks)

    def stop(self, seconds: float) -> bool:
        """Takes no more, waits up to `seconds` for running handlers, then cancels them.

        Cancelled ones go back unspent. True when all finished by themselves.
        """
        if self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(self._begin_stop, seconds)
            except RuntimeError:
                return self._is_clean  # the loop has just ended
            self._thread.join(seconds + _JOIN_SECONDS)
        return self._is_clean and not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.add_reader(self._waker.fileno(), self._wake)
        self._loop.call_soon(self._begin)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    def _begin(self) -> None:
        self._engine.watch(self._worker, self._waker)
        for timeout in {each.timeout for each in self._runners if each.timeout}:
            self._deadlines[timeout] = deque()
            self._sweep(timeout)
        self._take()

    # --- taking ---

    def _wake(self) -> None:
        self._waker.drain()
        self._take()

    def _take(self) -> None:
        """Takes every lot there is room for and begins its messages."""
        while not self._is_stopping:
            try:
                lot = self._engine.take(self._worker, 0.0, True)
            except MsgqError:
                return  # closing; stop() follows
            if lot is None:
                return
            self._start(lot)

    def _start(self, lot: Lot) -> None:
        runner = self._runners[lot.channel]
        assert isinstance(runner, HandlerRunner)
        bodies = [b""] if isinstance(runner, BatchRunner) else lot.bodies()
        self._open[lot] = len(bodies)
        timeout, keys, create = runner.timeout, self._keys, self._loop.create_task
        for index, body in enumerate(bodies):
            key = next(keys)
            if isinstance(runner, BatchRunner):
                self._tasks[key] = create(self._batch(runner, lot, key))
            else:
                self._tasks[key] = create(self._one(runner, lot, index, body, key))
            if timeout:
                self._deadlines[timeout].append((self._loop.time() + timeout, key))

    # --- running ---

    async def _one(
        self, runner: HandlerRunner, lot: Lot, index: int, body: bytes, key: int
    ) -> None:
        """Runs one message; whatever happens, exactly one decision comes of it, or it goes back."""
        plan, span, start = runner.plan, range(index, index + 1), self._loop.time()
        HANDLING.set((lot, index, 1))  # the task's own, as the next
        sends = Sends(self._engine, index, runner.holds)
        SCOPE.set(sends)
        try:
            values = plan.unpack(body)
        except codec.FAULTS:
            try:
                values = plan.unpack_slow(body)
            except PayloadError as error:
                self._done(key, lot, [runner.judge.unreadable(index, error)])
                return
        try:
            if plan.is_plain:
                answer = await (
                    runner.function(values) if plan.is_item else runner.function(*values)
                )
            else:
                context = Context(lot, index, runner.acks)
                answer = await plan.invoke(runner.function, values, context)
        except BaseException as error:  # noqa: BLE001 (exits of a handler are failures)
            found = self._fault(runner, key, error)
            millis = self._millis(start)
            decided = (
                [] if found is None else [runner.judge.on_error(lot, index, found, millis=millis)]
            )
            await self._decided((runner, lot, key, sends), span, decided, found is None)
            return
        if answer is not None and isinstance(answer, Outcome):
            millis = self._millis(start)
            decided = [runner.judge.on_outcome(lot, index, answer, millis=millis)]
        elif runner.acks is None and sends.kept is None:
            sends.end()
            self._done(key, lot, (index,))
            return
        else:
            decided = []
        await self._decided((runner, lot, key, sends), span, decided)

    async def _batch(self, runner: BatchRunner, lot: Lot, key: int) -> None:
        """Runs one batch and names a decision for every message of it."""
        items, places, decisions = runner.unpacked(lot)
        start = self._loop.time()
        HANDLING.set((lot, 0, len(lot)))
        sends = Sends(self._engine, 0, runner.holds)
        SCOPE.set(sends)
        try:
            if items:
                context = Context(lot, 0, runner.acks, places)
                answer = await runner.plan.invoke(runner.function, items, context)
                decisions += runner.answered(lot, places, answer, self._millis(start))
        except BaseException as error:  # noqa: BLE001 (exits of a handler are failures)
            found = self._fault(runner, key, error)
            if found is None:
                await self._decided((runner, lot, key, sends), range(len(lot)), [], True)
                return
            decisions += runner.failed(lot, places, found, self._millis(start))
        await self._decided((runner, lot, key, sends), range(len(lot)), decisions)

    def _millis(self, start: float) -> float:
        return (self._loop.time() - start) * 1000

    async def _decided(
        self, call: Call, span: range, decisions: list[Decision], goes_back: bool = False
    ) -> None:
        """Ends a call, once the transactions that acknowledge its messages have had their say."""
        runner, lot, key, sends = call
        sends.end(is_failed=goes_back)
        if runner.acks is not None and lot.end_acks(span.start, span.stop):
            asked = asyncio.ensure_future(
                asyncio.to_thread(runner.decided, lot, span, decisions, retries=not goes_back)
            )
            while not asked.done():
                with contextlib.suppress(asyncio.CancelledError):  # it is said within a second
                    await asyncio.shield(asked)
            decisions = asked.result()
            self._timed_out.discard(key)
        said = {each[0] for each in decisions}
        acked = [] if goes_back else [(i, ACK, 0, "", b"") for i in span if i not in said]
        named = [*decisions, *acked]
        if sends.kept is not None:
            named = await self._commit(runner, lot, named, sends)
        self._done(key, lot, named)

    async def _commit(
        self, runner: HandlerRunner, lot: Lot, decisions: list[Decision], sends: Sends
    ) -> list[Decision]:
        """Commits what was sent with the messages that are done; gives what else is decided."""
        bundles, rest = runner.sort_out(lot, decisions, sends)
        for places, kept in bundles:
            committing = asyncio.ensure_future(
                commit_soon(self._engine, ((lot, places),), kept, runner.room, is_patient=True)
            )
            while not committing.done():
                with contextlib.suppress(asyncio.CancelledError, MsgqError):
                    await asyncio.shield(committing)
            error = committing.exception()
            if error is None:
                runner.watch(committing.result(), lot, places)
            else:
                drop(kept, str(error))
                rest += [runner.judge.on_error(lot, place, error) for place in places]
        return rest

    def _fault(self, runner: Runner, key: int, error: BaseException) -> BaseException | None:
        """Gives what to judge: the error, a timeout in its place, or None when we are leaving."""
        if not isinstance(error, asyncio.CancelledError):
            return error
        if key in self._timed_out:
            self._timed_out.discard(key)
            return WaitTimeoutError(f"handler {runner.name!r} took over {runner.timeout:g} s")
        return None if self._is_leaving else error

    def _done(self, key: int, lot: Lot, decisions: Sequence[Decision | int]) -> None:
        self._tasks.pop(key, None)
        if not self._decisions:
            self._loop.call_soon(self._settle)
        self._decisions.setdefault(lot, []).extend(decisions)
        left = self._open[lot] - 1
        if left:
            self._open[lot] = left
        elif not self._is_leaving:
            del self._open[lot]

    def _settle(self) -> None:
        """Settles all that finished in this turn, and takes what there is room for now."""
        finished, self._decisions = self._decisions, {}
        try:
            for lot, decisions in finished.items():
                if decisions:
                    self._engine.settle_some(lot, decisions)
        except MsgqError as error:
            logger().debug("settling failed: %s", error)
        self._take()
        self._end_if_idle()

    # --- timeouts and stopping ---

    def _sweep(self, timeout: float) -> None:
        """Cancels what has run too long. Messages of one timeout are due in the order begun."""
        waiting, now = self._deadlines[timeout], self._loop.time()
        while waiting and (waiting[0][0] <= now or waiting[0][1] not in self._tasks):
            _, key = waiting.popleft()
            task = self._tasks.get(key)
            if task is not None:
                self._timed_out.add(key)
                task.cancel()
        if not self._is_leaving:
            self._loop.call_later(min(0.5, max(0.002, timeout / 10)), self._sweep, timeout)

    def _begin_stop(self, seconds: float) -> None:
        self._is_stopping = True
        self._end_if_idle()
        self._loop.call_later(seconds, self._leave)

    def _end_if_idle(self) -> None:
        if self._is_stopping and not self._tasks and not self._decisions:
            if self._is_leaving:
                self._give_back()
            self._loop.stop()

    def _leave(self) -> None:
        """Cancels what still runs; its messages go back unspent."""
        self._is_leaving = True
        self._is_clean = not self._tasks
        for task in list(self._tasks.values()):
            task.cancel()
        self._end_if_idle()

    def _give_back(self) -> None:
        try:
            for lot in self._open:
                self._engine.give_back(lot)
        except MsgqError as error:
            logger().debug("giving back failed: %s", error)
