"""Runs the messages of one lot in a handler thread and settles them in one call.

The loop over the messages is the core's (Lot.run); everything rare (answers, exceptions, stopping)
leaves it, is decided here, and goes back to it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from msgq import codec
from msgq._decide import ACK, LEAVE, RETRY, SNOOZE, Judge, unknown
from msgq._hops import HANDLING
from msgq._lifecycle import logger
from msgq._slot import Slot, places_of
from msgq.errors import BatchError, MsgqError, PayloadError
from msgq.message import Context
from msgq.outcome import Outcome

if TYPE_CHECKING:
    from msgq._ack import Acks
    from msgq._core import Decision, Engine, Lot, Run
    from msgq._signature import Plan


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


class HandlerRunner(Runner):
    """What running a handler needs, for messages one by one, in batches, or in an event loop."""

    def __init__(
        self, engine: Engine, name: str, function: Callable[..., Any], plan: Plan, judge: Judge,
        timeout: float = 0.0, *, acks: Acks | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.acks = acks if plan.context else None  # without a Context nobody uses them
        self.timeout = timeout
        self.engine = engine
        self.function = function
        self.plan = plan
        self.judge = judge

    def decided(
        self, lot: Lot, span: range, decisions: list[Decision], *, retries: bool = True
    ) -> list[Decision]:
        """Lets the transactions that acknowledge messages themselves have their say."""
        if self.acks is None:
            return decisions
        return self.acks.decided(self.judge, lot, span, decisions, retries=retries)


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
        token = HANDLING.set((lot, slot, 1))
        try:
            self._run(lot, slot)
        finally:
            HANDLING.reset(token)

    def _run(self, lot: Lot, slot: Slot) -> None:
        count = len(lot)
        calls = self._calls(lot, slot.halt)
        decisions: list[Decision] = []
        slot.begin(self, lot, calls, count, decisions)
        while True:
            first, begun = count - calls.__length_hint__(), monotonic()
            try:
                answer = calls.go()
                if answer is True:
                    break
                if answer is False:
                    self._leave(lot, count - calls.__length_hint__(), decisions, slot)
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
            self.engine.settle(lot, self.decided(lot, range(count), decisions))

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

    def _leave(self, lot: Lot, index: int, decisions: list[Decision], slot: Slot) -> None:
        """Settles what ran before `index` and gives the rest back unspent."""
        if slot.end():
            self.engine.settle_some(
                lot, with_acks(self.decided(lot, range(index), decisions), index)
            )
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

    def run(self, lot: Lot, slot: Slot) -> None:
        """Runs the lot and settles it."""
        items, places, decisions = self.unpacked(lot)
        begun = places_of([None])
        slot.begin(self, lot, begun, 1, decisions)
        if slot.halt:
            if slot.end():
                self.engine.give_back(lot)
            return
        next(begun)
        if items:
            start = monotonic()
            token = HANDLING.set((lot, 0, len(lot)))
            try:
                context = Context(lot, 0, self.acks, places)
                answer = self.plan.invoke(self.function, items, context)
                decisions += self.answered(lot, places, answer, _millis(start))
            except BaseException as error:  # noqa: BLE001 (exits of a handler are failures)
                decisions += self.failed(lot, places, error, _millis(start))
            finally:
                HANDLING.reset(token)
        if slot.end():
            self.engine.settle(lot, self.decided(lot, range(len(lot)), decisions))

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
