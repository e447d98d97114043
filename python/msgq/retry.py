"""When a failed message runs again: the policy of a handler, and what each exception class means.

Policies are immutable. A registry is filled while the app is set up and then only read; any thread.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from msgq.duration import Duration, parse_duration
from msgq.errors import ConfigError, PayloadError, UnroutableError

ExceptionTypes: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
Kind = Literal["exponential", "linear", "fixed", "custom"]
_KINDS: Final = ("exponential", "linear", "fixed", "custom")


class RetryPolicy:
    """Says how often and how late a failed message runs again. Immutable.

    max_attempts: failures after which it is a dead letter, 1 to 1,000,000. base, cap, max_elapsed:
    durations (max_elapsed counts from the enqueue; None: no bound). jitter: 0 to 1 of the delay,
    taken off or added at random, or "full" for anything from 0 to the delay. retry_on: only these
    classes are retried; dead_on: these never are. Raises ConfigError for anything out of range.
    """

    __slots__ = (
        "base", "cap", "custom_delay", "dead_on", "factor", "jitter", "kind", "max_attempts",
        "max_elapsed", "retry_on",
    )  # fmt: skip

    def __init__(
        self,
        max_attempts: int = 5,
        base: Duration = 1.0,
        factor: float = 2.0,
        cap: Duration = "5m",
        jitter: float | Literal["full"] = 0.2,
        *,
        kind: Kind = "exponential",
        custom_delay: Callable[[int], Duration] | None = None,
        retry_on: ExceptionTypes = (),
        dead_on: ExceptionTypes = (),
        max_elapsed: Duration | None = None,
    ) -> None:
        _check(max_attempts, factor, jitter, kind, custom_delay)
        put = object.__setattr__
        put(self, "max_attempts", max_attempts)
        put(self, "base", parse_duration(base, "base"))
        put(self, "factor", float(factor))
        put(self, "cap", parse_duration(cap, "cap"))
        put(self, "jitter", jitter)
        put(self, "kind", kind)
        put(self, "custom_delay", custom_delay)
        put(self, "retry_on", _classes(retry_on, "retry_on"))
        put(self, "dead_on", _classes(dead_on, "dead_on"))
        elapsed = None if max_elapsed is None else parse_duration(max_elapsed, "max_elapsed")
        put(self, "max_elapsed", elapsed)

    max_attempts: int
    base: float
    factor: float
    cap: float
    jitter: float | Literal["full"]
    kind: Kind
    custom_delay: Callable[[int], Duration] | None
    retry_on: tuple[type[BaseException], ...]
    dead_on: tuple[type[BaseException], ...]
    max_elapsed: float | None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"RetryPolicy is immutable; make a new one to change {name!r}")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in sorted(self.__slots__))
        return f"RetryPolicy({shown})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RetryPolicy) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, ({name: getattr(self, name) for name in self.__slots__},)

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    @classmethod
    def fixed(cls, delay: Duration, **others: Any) -> RetryPolicy:
        """Waits the same time before every attempt."""
        return cls(base=delay, kind="fixed", **others)

    @classmethod
    def linear(cls, step: Duration, **others: Any) -> RetryPolicy:
        """Waits step, 2 x step, 3 x step, up to the cap."""
        return cls(base=step, kind="linear", **others)

    @classmethod
    def exponential(cls, base: Duration, factor: float = 2.0, **others: Any) -> RetryPolicy:
        """Waits base, base x factor, base x factor^2, up to the cap."""
        return cls(base=base, factor=factor, **others)

    @classmethod
    def custom(cls, delay: Callable[[int], Duration], **others: Any) -> RetryPolicy:
        """Waits what `delay(number of the failure, from 1)` returns, up to the cap."""
        return cls(kind="custom", custom_delay=delay, **others)

    @classmethod
    def none(cls) -> RetryPolicy:
        """Never runs a failed message again."""
        return cls(max_attempts=1)

    def delay(self, failure: int, chance: Callable[[], float] = random.random) -> float:
        """Gives the seconds to wait after the failure of that number (from 1), jitter included.

        Jitter may go beyond the cap by its share. `chance` gives a number from 0 to below 1.
        """
        plain = min(self._plain(max(1, failure)), self.cap)
        if self.jitter == "full":
            return plain * chance()
        return plain * (1 + self.jitter * (2 * chance() - 1))

    def _plain(self, failure: int) -> float:
        if self.custom_delay is not None:
            return parse_duration(self.custom_delay(failure), "delay of the custom policy")
        if self.kind == "fixed":
            return self.base
        if self.kind == "linear":
            return self.base * failure
        try:
            return float(self.base * self.factor ** (failure - 1))
        except OverflowError:
            return self.cap


def _rebuild(values: dict[str, Any]) -> RetryPolicy:
    return RetryPolicy(**values)


def _check(max_attempts: int, factor: float, jitter: object, kind: str, custom: object) -> None:
    if isinstance(max_attempts, bool) or not isinstance(max_attempts, int):
        raise ConfigError(f"max_attempts must be a whole number, not {max_attempts!r}")
    if not 1 <= max_attempts <= 1_000_000:
        raise ConfigError(f"max_attempts must be from 1 to 1,000,000, got {max_attempts}")
    if not 1.0 <= factor <= 1000.0:
        raise ConfigError(f"factor must be from 1 to 1000, got {factor}")
    if jitter != "full" and not (isinstance(jitter, (int, float)) and 0 <= jitter <= 1):
        raise ConfigError(f"jitter must be from 0 to 1, or 'full', got {jitter!r}")
    if kind not in _KINDS:
        raise ConfigError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    if (kind == "custom") != callable(custom):
        raise ConfigError("kind 'custom' and custom_delay go together")


def _classes(value: ExceptionTypes, what: str) -> tuple[type[BaseException], ...]:
    classes = value if isinstance(value, tuple) else (value,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise ConfigError(f"{what} must hold exception classes, got {each!r}")
    return classes


Meaning = Literal["permanent", "transient", "throttled"]
Throttle: TypeAlias = Duration | Callable[[BaseException], Duration]


class ExceptionRegistry:
    """What exception classes of an app mean; the nearest class in the exception's ancestry wins.

    permanent: dead at once. transient: retried by policy. throttled: retried after the given delay
    without counting as a failure. Unknown ones are transient. Never looks at an exception's text.
    """

    def __init__(self) -> None:
        self._known: dict[type[BaseException], tuple[Meaning, Throttle]] = {
            PayloadError: ("permanent", 0.0),
            UnroutableError: ("permanent", 0.0),
        }

    def permanent(self, *classes: type[BaseException]) -> None:
        """Never retries these: the message becomes a dead letter at its first failure."""
        self._put(classes, "permanent", 0.0)

    def transient(self, *classes: type[BaseException]) -> None:
        """Retries these by policy, also where a base class of theirs is permanent."""
        self._put(classes, "transient", 0.0)

    def throttled(self, *classes: type[BaseException], delay: Throttle) -> None:
        """Runs again after `delay` (or what it gives for the exception); counts no failure."""
        if not callable(delay):
            delay = parse_duration(delay, "delay")
        self._put(classes, "throttled", delay)

    def _put(
        self, classes: tuple[type[BaseException], ...], meaning: Meaning, by: Throttle
    ) -> None:
        for each in _classes(classes, meaning):
            self._known[each] = (meaning, by)

    def classify(self, error: BaseException) -> tuple[Meaning, Throttle]:
        """Gives the meaning of an exception, and the delay where it is throttled."""
        for each in type(error).__mro__:
            found = self._known.get(each)
            if found is not None:
                return found
        return ("transient", 0.0)
