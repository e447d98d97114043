"""From what a handler returned or raised to a decision the core settles: policy meets failure.

Pure but for the clock and the jitter; any thread.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from msgq import codec
from msgq._lifecycle import logger
from msgq._record import attempt_record, class_name, error_text
from msgq.duration import now_ms, parse_duration
from msgq.outcome import Outcome, Reject, Retry, Snooze
from msgq.retry import ExceptionRegistry, RetryPolicy

if TYPE_CHECKING:
    from msgq._core import Decision, DeliveryFields, Lot

ACK: Final = 0
RETRY: Final = 1
SNOOZE: Final = 2
REJECT: Final = 3
LEAVE: Final = 4
_REASON_MAX: Final = 300


class Judge:
    """Decides for the messages of one handler."""

    def __init__(
        self, policy: RetryPolicy, registry: ExceptionRegistry, detail: str = "trace"
    ) -> None:
        self.policy = policy
        self.registry = registry
        self.detail = detail

    def record(self, error: BaseException, millis: float | None = None) -> bytes:
        """Gives the record of an attempt, with as much of the error as may be kept."""
        return attempt_record(error, millis=millis, detail=self.detail)

    def on_outcome(
        self, lot: Lot, index: int, decided: Outcome, *, millis: float | None = None
    ) -> Decision:
        """Turns what the handler wished into a decision; `millis` is how long it ran."""
        if isinstance(decided, Reject):
            reason = _short(decided.reason)
            return (index, REJECT, 0, reason, attempt_record(None, decided.reason, millis))
        if isinstance(decided, Snooze):
            return (index, SNOOZE, decided.delay_ms, "", b"")
        if isinstance(decided, Retry):
            why = decided.reason or "its handler asked for a retry"
            record = attempt_record(None, why, millis)
            return self._again(lot.fields(index), index, why, record, decided.delay_ms)
        return (index, ACK, 0, "", b"")

    def on_error(
        self, lot: Lot, index: int, error: BaseException, record: bytes | None = None,
        *, millis: float | None = None,
    ) -> Decision:  # fmt: skip
        """Turns an exception into a decision: by its class, the policy and the failures so far."""
        if isinstance(error, Outcome):
            return self.on_outcome(lot, index, error, millis=millis)
        record = self.record(error, millis) if record is None else record
        text = class_name(error)
        if self.detail != "class":
            text = f"{text}: {error_text(error)}"
        policy = self.policy
        meaning, throttle = self.registry.classify(error)
        if policy.retry_on and isinstance(error, policy.retry_on):
            meaning = "transient"
        elif policy.retry_on or isinstance(error, policy.dead_on):
            meaning = "permanent"
        if meaning == "permanent":
            return (index, REJECT, 0, _short(f"not retried: {text}"), record)
        if meaning == "throttled":
            try:
                seconds = parse_duration(throttle(error) if callable(throttle) else throttle)
            except Exception:  # noqa: BLE001 (a user's function may raise anything)
                logger().exception("the delay of a throttled %s cannot be had", class_name(error))
                seconds = policy.base
            return (index, SNOOZE, int(seconds * 1000), "", record)
        return self._again(lot.fields(index), index, text, record, None)

    def _again(
        self, fields: DeliveryFields, index: int, why: str, record: bytes, delay: int | None
    ) -> Decision:
        failure = fields[6] + 1
        most = self._max_attempts(fields[3])
        if failure >= most:
            reason = f"failed {failure} of {most} times; last: {why}"
            return (index, REJECT, 0, _short(reason), record)
        delay = self._delay_ms(failure) if delay is None else delay
        elapsed = self.policy.max_elapsed
        if elapsed is not None and now_ms() + delay - fields[9] > elapsed * 1000:
            reason = f"failing for longer than {elapsed:g} s; last: {why}"
            return (index, REJECT, 0, _short(reason), record)
        return (index, RETRY, delay, "", record)

    def _max_attempts(self, headers: bytes) -> int:
        if codec.MAX_ATTEMPTS_HEADER.encode() not in headers:
            return self.policy.max_attempts
        asked = codec.decode_headers(headers).get(codec.MAX_ATTEMPTS_HEADER)
        return asked if isinstance(asked, int) and asked > 0 else self.policy.max_attempts

    def _delay_ms(self, failure: int) -> int:
        try:
            return int(self.policy.delay(failure, random.random) * 1000)
        except Exception:  # noqa: BLE001 (a user's custom policy may raise anything)
            logger().exception("the retry policy cannot say a delay; its base is taken")
            return int(self.policy.base * 1000)

    def unreadable(self, index: int, error: BaseException) -> Decision:
        """Decides for a body that does not decode: a dead letter with its bytes intact."""
        return (index, REJECT, 0, _short(error_text(error)), self.record(error))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _REASON_MAX else line[: _REASON_MAX - 3] + "..."


def unknown(lot: Lot, index: int, policy: str, delay_max: float) -> Decision:
    """Decides for a message whose handler this worker lacks: wait for one that has it, or dead."""
    fields = lot.fields(index)
    if policy == "dead":
        reason = f"no handler named {fields[1]!r} here" if fields[1] else "no handler for the queue"
        return (index, REJECT, 0, _short(reason), attempt_record(None, reason))
    # a snooze counts nothing, so the pause grows with the message's age
    seconds = min(delay_max, max(1.0, (now_ms() - fields[9]) / 2000))
    return (index, SNOOZE, int(seconds * 1000), "", b"")
