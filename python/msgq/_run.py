"""Runs the messages of one lot in a handler thread and settles them in one call.

The loop over the messages is the core's (Lot.run); everything rare (answers, exceptions, stopping)
leaves it, is decided here, and goes back to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from msgq import codec
from msgq._decide import ACK, LEAVE, RETRY, SNOOZE, Judge, unknown
from msgq._held import SCOPE, Sends, drop
from msgq._hops import HANDLING
from msgq._lifecycle import logger
from msgq._slot import Slot, places_of
from msgq.context import Context
from msgq.errors import BatchError, ClosedError, LeaseLostError, MsgqError, PayloadError
from msgq.outcome import Outcome

if TYPE_CHECKING:
    from msgq._ack import Acks
    from msgq._core import Decision, Engine, Kept, Lot, Receipt, Run
    from msgq._signature import Plan


Bundle: TypeAlias = "tuple[Sequence[int], list[Kept]]"
"""Places in a lot, and what goes with their ends."""


class Runner:
    """Runs lots of one channel. One for each handler of a worker; many threads share it."""

    timeout: float = 0.0
    name: str = ""
    acks: Acks | None = None

    def run(self, lot: Lot, slot: Slot) -> None:
        """Runs every message of the lot and settles it."""
        raise NotImplementedError

    def expired(self, lot: Lot, _index: int, error: BaseException) -> list[Decision]:
        """Decides for the message (or all of a batch) that took too long."""
        raise NotImplementedError

    def look(self) -> None:
        """Decides for messages that were done but whose sends could not be stored."""

    def drain(self, deadline: float) -> None:
        """Waits until the monotonic `deadline` for what is on its way."""


class HandlerRunner(Runner):
    """What running a handler needs, for messages one by one, in batches, or in an event loop."""

    def __init__(
        self, engine: Engine, name: str, function: Callable[..., Any], plan: Plan, judge: Judge,
        timeout: float = 0.0, *, acks: Acks | None = None, holds: bool = True, room: float = 30.0,
    ) -> None:  # fmt: skip
        self.name = name
        self.acks = acks if plan.context else None  # without a Context nobody uses them
        self.timeout = timeout
        self.engine = engine
        self.function = function
        self.plan = plan
        self.judge = judge
        self.holds = holds  # what the handler sends
        self.room = room  # seconds to wait until it may be on its way
        # any thread: what was committed and not yet seen to be stored, oldest first
        self._pending: deque[tuple[Receipt, Lot, Sequence[int]]] = deque()

    def decided(
        self, lot: Lot, span: range, decisions: list[Decision], *, retries: bool = True
    ) -> list[Decision]:
        """Lets the transactions that acknowledge messages themselves have their say."""
        if self.acks is None:
            return decisions
        return self.acks.decided(self.judge, lot, span, decisions, retries=retries)

    def settle(self, lot: Lot, end: int, decisions: list[Decision], sends: Sends) -> None:
        """Settles the first messages of a lot: those of which nothing is decided are done."""
        if sends.kept is not None:
            self.settle_named(lot, with_acks(decisions, end), sends)
        elif end == len(lot):
            self.engine.settle(lot, decisions)
        else:
            self.engine.settle_some(lot, with_acks(decisions, end))
        sends.end()

    def settle_named(self, lot: Lot, decisions: Sequence[Decision], sends: Sends) -> None:
        """Settles what is named; what was sent goes with the messages that are done."""
        bundles, rest = self.sort_out(lot, decisions, sends)
        if lot.has_followers and bundles:
            self._settle_row(lot, bundles[0], rest)
            return
        if rest:
            self.engine.settle_some(lot, rest)
        for places, kept in bundles:
            try:
                receipt = self.engine.commit(((lot, places),), kept, self.room, True)
            except MsgqError as error:  # noqa: PERF203 (each by itself)
                drop(kept, str(error))
                self._failed(lot, places, error, again=False)
            else:
                self.watch(receipt, lot, places)
        self.look()

    def sort_out(
        self, lot: Lot, decisions: Sequence[Decision], sends: Sends
    ) -> tuple[list[Bundle], list[Decision]]:
        """Gives messages whose ends go with what they sent, and all other decisions.

        Drops what was sent by those that are not done.
        """
        kept, sends.kept = sends.kept or {}, None
        done = [each[0] for each in decisions if each[1] == ACK]
        lost = set() if self.is_one and done else set(kept).difference(done)
        for place in lost:
            drop(kept.pop(place), "the handler that sent it did not succeed; nothing was enqueued")
        if kept and (self.is_one or lot.has_followers):
            bundles: list[Bundle] = [(done, [each for some in kept.values() for each in some])]
            return bundles, [each for each in decisions if each[1] != ACK]
        rest = [each for each in decisions if each[0] not in kept]
        return [([place], some) for place, some in kept.items()], rest

    is_one = False
    """Whether one call handles all of a lot."""

    def watch(self, receipt: Receipt, lot: Lot, places: Sequence[int]) -> None:
        """Has somebody see whether what was committed is stored."""
        self._pending.append((receipt, lot, places))

    def _settle_row(self, lot: Lot, bundle: Bundle, rest: list[Decision]) -> None:
        """Of keys in a row: the rest is decided once it is known whether what is done is stored."""
        places, kept = bundle
        error: BaseException | None
        try:
            receipt = self.engine.commit(((lot, places),), kept, self.room, True)
            receipt.wait(None)
            error = receipt.error()
        except MsgqError as refused:
            drop(kept, str(refused))
            error = refused
        if error is not None:
            rest = rest + [self.judge.on_error(lot, place, error) for place in places]
        if rest:
            self.engine.settle_some(lot, rest)

    def look(self) -> None:
        """Decides for messages that were done but whose sends could not be stored."""
        pending = self._pending
        while pending:
            try:
                receipt, lot, places = pending.popleft()
            except IndexError:
                return  # another thread was quicker
            if not receipt.status:
                pending.appendleft((receipt, lot, places))
                return
            error = receipt.error()
            if error is not None:
                self._failed(lot, places, error)

    def drain(self, deadline: float) -> None:
        """Waits until the monotonic `deadline` for what is on its way."""
        for receipt, _, _ in list(self._pending):
            receipt.wait(max(0.0, deadline - monotonic()))
        self.look()

    def _failed(
        self, lot: Lot, places: Sequence[int], error: BaseException, *, again: bool = True
    ) -> None:
        if isinstance(error, (LeaseLostError, ClosedError)):
            return  # somebody else decides
        logger().warning("what a handler of %r sent could not be stored: %s", self.name, error)
        decided = [self.judge.on_error(lot, place, error) for place in places]
        self.engine.settle_some(lot, decided, again)


def _millis(start: float) -> float:
    """How long a call ran. Of messages that the core called in a row, nobody knows."""
    return (monotonic() - start) * 1000


def _note(lot: Lot, decisions: list[Decision], decision: Decision) -> None:
    """Notes a decision; what follows in the lot of its key waits for what is to come again."""
    decisions.append(decision)
    if decision[1] in (RETRY, SNOOZE):
        lot.hold_up(decision[0])


class EachRunner(HandlerRunner):
    """Calls a sync handler for each message."""

    def run(self, lot: Lot, slot: Slot) -> None:
        """Runs every message of the lot and settles it."""
        sends = Sends(self.engine, slot, self.holds)
        token, scope = HANDLING.set((lot, slot, 1)), SCOPE.set(sends)
        try:
            self._run(lot, slot, sends)
        finally:
            HANDLING.reset(token)
            SCOPE.reset(scope)

    def _run(self, lot: Lot, slot: Slot, sends: Sends) -> None:
        count = len(lot)
        calls = self._calls(lot, slot.halt)
        decisions: list[Decision] = []
        slot.sends = sends
        slot.begin(self, lot, calls, count, decisions)
        while True:
            first, begun = count - calls.__length_hint__(), monotonic()
            try:
                answer = calls.go()
                if answer is True:
                    break
                if answer is False:
                    self._leave(lot, count - calls.__length_hint__(), decisions, slot, sends)
                    return
                index = count - calls.__length_hint__() - 1
                millis = _millis(begun) if index == first else None
                decided = self.judge.on_outcome(lot, index, answer, millis=millis)  # type: ignore[arg-type]
                _note(lot, decisions, decided)
            except BaseException as error:  # noqa: BLE001 (exits of a handler are failures)
                index = count - calls.__length_hint__() - 1
                millis = _millis(begun) if index == first else None
                decision = self._judge_error(lot, index, error, millis)
                if decision is not None:
                    _note(lot, decisions, decision)
        if slot.end():
            self.settle(lot, count, self.decided(lot, range(count), decisions), sends)

    def _calls(self, lot: Lot, halt: list[str]) -> Run:
        """Gives the calls: of plain bytes, of typed arguments, or of everything else."""
        function, plan = self.function, self.plan
        if plan.is_plain and (plan.is_raw or not plan.is_item):
            return lot.run(function, None if plan.is_raw else plan.unpack, halt, Outcome, False)

        def call(body: bytes, index: int) -> object:
            return plan.invoke(function, plan.unpack(body), Context(lot, index, self.acks))

        return lot.run(call, None, halt, Outcome, True)

    def _judge_error(
        self, lot: Lot, index: int, error: BaseException, millis: float | None
    ) -> Decision | None:
        body = lot.fields(index)[4]
        if not isinstance(error, codec.FAULTS) or self.plan.is_raw or self._reads(body):
            return self.judge.on_error(lot, index, error, millis=millis)
        # the body, not the handler, was at fault; older programs wrote other shapes
        try:
            values = self.plan.unpack_slow(body)
        except PayloadError as unreadable:
            return self.judge.unreadable(index, unreadable)
        try:
            answer = self.plan.invoke(self.function, values, Context(lot, index, self.acks))
        except BaseException as failed:  # noqa: BLE001
            return self.judge.on_error(lot, index, failed)
        return self.judge.on_outcome(lot, index, answer) if isinstance(answer, Outcome) else None

    def _reads(self, body: bytes) -> bool:
        try:
            self.plan.unpack(body)
        except codec.FAULTS:
            return False
        return True

    def _leave(
        self, lot: Lot, index: int, decisions: list[Decision], slot: Slot, sends: Sends
    ) -> None:
        """Settles what ran before `index` and gives the rest back unspent."""
        if slot.end():
            self.settle(lot, index, self.decided(lot, range(index), decisions), sends)
            self.engine.give_back(lot)

    def expired(self, lot: Lot, _index: int, error: BaseException) -> list[Decision]:
        """Decides for the message that took too long."""
        return [self.judge.on_error(lot, _index, error)]


def with_acks(decisions: list[Decision], count: int) -> list[Decision]:
    """Names the acknowledged ones too, for the first `count` messages of a lot."""
    said = {each[0] for each in decisions}
    return decisions + [(i, ACK, 0, "", b"") for i in range(count) if i not in said]


class BatchRunner(HandlerRunner):
    """Calls a sync batch handler once for the whole lot."""

    is_one = True

    def run(self, lot: Lot, slot: Slot) -> None:
        """Runs the lot and settles it."""
        items, places, decisions = self.unpacked(lot)
        begun = places_of([None])
        sends = Sends(self.engine, 0, self.holds)
        slot.sends = sends
        slot.begin(self, lot, begun, 1, decisions)
        if slot.halt:
            if slot.end():
                self.engine.give_back(lot)
            return
        next(begun)
        if items:
            start = monotonic()
            token, scope = HANDLING.set((lot, 0, len(lot))), SCOPE.set(sends)
            try:
                context = Context(lot, 0, self.acks, places)
                answer = self.plan.invoke(self.function, items, context)
                decisions += self.answered(lot, places, answer, _millis(start))
            except BaseException as error:  # noqa: BLE001 (exits of a handler are failures)
                decisions += self.failed(lot, places, error, _millis(start))
            finally:
                HANDLING.reset(token)
                SCOPE.reset(scope)
        if slot.end():
            count = len(lot)
            self.settle(lot, count, self.decided(lot, range(count), decisions), sends)

    def unpacked(self, lot: Lot) -> tuple[list[Any], range | list[int], list[Decision]]:
        """Gives the items, the index of each in the lot, and what is decided on unreadable ones."""
        bodies = lot.bodies()
        if self.plan.is_raw:
            return bodies, range(len(bodies)), []
        try:
            return list(map(self.plan.unpack, bodies)), range(len(bodies)), []
        except codec.FAULTS:
            pass
        items: list[Any] = []
        places: list[int] = []
        unreadable: list[Decision] = []
        for index, body in enumerate(bodies):
            try:
                items.append(self.plan.unpack_slow(body))
                places.append(index)
            except PayloadError as error:  # noqa: PERF203
                unreadable.append(self.judge.unreadable(index, error))
        return items, places, unreadable

    def answered(
        self, lot: Lot, places: range | list[int], answer: object, millis: float | None = None
    ) -> list[Decision]:
        """Decides for all by what the handler returned: nothing, one outcome, or one for each."""
        if isinstance(answer, Outcome):
            judged = self.judge.on_outcome
            return [judged(lot, index, answer, millis=millis) for index in places]
        if not isinstance(answer, list):
            return []
        if len(answer) != len(places):
            raise PayloadError(f"{len(answer)} answers for {len(places)} messages of {self.name!r}")
        found = []
        for index, each in zip(places, answer, strict=True):
            if isinstance(each, Outcome):
                found.append(self.judge.on_outcome(lot, index, each, millis=millis))
            elif isinstance(each, BaseException):
                found.append(self.judge.on_error(lot, index, each, millis=millis))
        return found

    def failed(
        self, lot: Lot, places: range | list[int], error: BaseException,
        millis: float | None = None,
    ) -> list[Decision]:  # fmt: skip
        """Decides for all when the handler raised: those a BatchError names, or everyone."""
        if not isinstance(error, BatchError):
            record = self.judge.record(error, millis)
            return [self.judge.on_error(lot, index, error, record) for index in places]
        strange = [i for i in error.failed if not (isinstance(i, int) and 0 <= i < len(places))]
        if strange:
            wrong = PayloadError(f"BatchError names {strange[:5]} of {len(places)} messages")
            return self.failed(lot, places, wrong, millis)
        judged = self.judge.on_error
        return [judged(lot, places[i], e, millis=millis) for i, e in error.failed.items()]

    def expired(self, lot: Lot, _index: int, error: BaseException) -> list[Decision]:
        """Decides for all messages of the batch that took too long."""
        record = self.judge.record(error)
        return [self.judge.on_error(lot, i, error, record) for i in range(len(lot))]


class UnknownRunner(Runner):
    """Answers for messages whose handler this worker lacks."""

    def __init__(self, engine: Engine, queue: str, policy: str, delay_max: float) -> None:
        self.name = f"{queue}:*"
        self.engine = engine
        self._policy = policy
        self._delay_max = delay_max
        self._told: set[str] = set()

    def run(self, lot: Lot, slot: Slot) -> None:  # noqa: ARG002
        """Lets them wait for a worker that knows them, or gives them up, as the setting says."""
        if lot.type not in self._told and len(self._told) < 1_000:
            self._told.add(lot.type)
            what = f"handler {lot.type!r}" if lot.type else "handler of plain messages"
            logger().warning("no %s here for queue %r: %s", what, lot.queue, self._policy)
        indexes = range(len(lot))
        self.engine.settle(lot, [unknown(lot, i, self._policy, self._delay_max) for i in indexes])


def guard(runner: Runner, lot: Lot, slot: Slot, engine: Engine) -> None:
    """Runs a lot so that no fault of ours ends the thread either: the lot goes back unspent."""
    try:
        runner.run(lot, slot)
    except BaseException as error:  # noqa: BLE001
        slot.end()
        if not isinstance(error, MsgqError):
            logger().exception("running %r failed inside msgq; its messages go back", runner.name)
        try:
            if runner.acks is not None:
                runner.acks.forget(lot)
                left = [(i, LEAVE, 0, "", b"") for i in lot.end_acks(0, len(lot))]
                engine.settle_some(lot, left)
            engine.give_back(lot)
        except MsgqError as failed:
            logger().debug("giving back failed: %s", failed)
