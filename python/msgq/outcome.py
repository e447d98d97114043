"""What a handler decides: Ack, Retry, Snooze, Reject; returned, or raised from anywhere inside it.

Plain values; safe from any thread.
"""

from __future__ import annotations

from msgq.duration import When, delay_ms


class Outcome(Exception):  # noqa: N818 (a wish, not an error)
    """Base of the four; an Exception only so that a handler may raise it."""

    __module__ = "msgq"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.args == getattr(other, "args", None)

    def __hash__(self) -> int:
        return hash((type(self), self.args))

    def __repr__(self) -> str:
        return f"msgq.{type(self).__name__}({', '.join(map(repr, self.args))})"


class Ack(Outcome):
    """Done; the same as returning nothing."""

    __module__ = "msgq"


class Retry(Outcome):
    """Failed; again after `delay` (a duration or aware datetime; None: as the policy says).

    Counts as a failure: the policy's max_attempts still ends it. ConfigError for a bad delay.
    """

    __module__ = "msgq"

    def __init__(self, delay: When | None = None, reason: str = "") -> None:
        self.delay_ms: int | None = None if delay is None else delay_ms(delay)
        self.reason = reason
        super().__init__(delay, reason)


class Snooze(Outcome):
    """Not now; again at `until` (a duration from now or an aware datetime). Counts nothing."""

    __module__ = "msgq"

    def __init__(self, until: When) -> None:
        self.delay_ms: int = delay_ms(until)
        super().__init__(until)


class Reject(Outcome):
    """Give up: the message becomes a dead letter with this reason."""

    __module__ = "msgq"

    def __init__(self, reason: str = "rejected by its handler") -> None:
        self.reason = reason
        super().__init__(reason)
