"""Which dead letters are meant: by queue, handler, error class, reason, text and age.

Pure; any thread. Durations are counted back from the moment the filter was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import msgspec

from msgq._engine import validate_queue_name
from msgq.duration import Past, past_ms
from msgq.errors import ConfigError

if TYPE_CHECKING:
    from msgq.message import Message


class Criteria(TypedDict, total=False):
    """What may be said of dead letters; whoever says nothing means all of them."""

    handler: str | None
    error: str | None
    reason: str | None
    text: str | None
    since: Past | None
    until: Past | None
    limit: int | None
    after: str


@dataclass(frozen=True, kw_only=True)
class DeadFilter:
    """The criteria, checked when made. Raises ConfigError for what cannot be meant.

    queue, handler: the whole name. error: class of the last failed attempt, with or without its
    module. reason, text: a part, capitals or not; text is looked for in body, headers, reason and
    attempts. since, until: when it died, an aware datetime or a duration ago. limit: how many at
    most. after: go on behind this cursor.
    """

    queue: str | None = None
    handler: str | None = None
    error: str | None = None
    reason: str | None = None
    text: str | None = None
    since: Past | None = None
    until: Past | None = None
    limit: int | None = None
    after: str = ""
    since_ms: int | None = field(init=False, default=None)
    until_ms: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.queue is not None:
            validate_queue_name(self.queue)
        for name in ("handler", "error", "reason", "text"):
            _check_text(name, getattr(self, name))
        if not isinstance(self.after, str):
            raise ConfigError(f"after is the cursor of a dead letter, got {self.after!r:.60}")
        limit = self.limit
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ConfigError(f"limit is how many at most, at least 1, got {limit!r:.60}")
        for name in ("since", "until"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, f"{name}_ms", past_ms(given, name))
        if None not in (begin := self.since_ms, end := self.until_ms) and begin > end:  # type: ignore[operator]
            raise ConfigError("since is later than until, so no dead letter can be meant")

    @property
    def is_open(self) -> bool:
        """True when it lets every dead letter of its queue (or of all) through."""
        named = (self.handler, self.error, self.reason, self.text, self.since, self.until)
        return all(each is None for each in named)

    def fits(self, letter: Message) -> bool:
        """Tells whether a dead letter is meant."""
        return (
            (self.handler is None or letter.handler == self.handler)
            and self._fits_age(letter)
            and (self.reason is None or _has(letter.reason, self.reason))
            and (self.error is None or is_class(letter.error, self.error))
            and (self.text is None or _has(_texts(letter), self.text))
        )

    def _fits_age(self, letter: Message) -> bool:
        if self.since_ms is None and self.until_ms is None:
            return True
        died = letter.changed_at
        millis = 0 if died is None else int(died.timestamp() * 1000)
        return (self.since_ms is None or millis >= self.since_ms) and (
            self.until_ms is None or millis <= self.until_ms
        )


def is_class(name: str, asked: str) -> bool:
    """Tells whether a class is the one asked for, by its whole name or by the end of it."""
    return name == asked or name.endswith("." + asked)


def _check_text(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigError(
            f"{name} of a dead letter must be text, not {value!r:.60}; or leave it out"
        )


def _has(text: str, part: str) -> bool:
    return part.casefold() in text.casefold()


def _texts(letter: Message) -> str:
    """Everything of a letter that can be searched, a line each."""
    told = [
        str(each.get(name, ""))
        for each in letter.history
        for name in ("error", "text", "trace", "worker")
    ]
    headers = msgspec.json.encode(letter.headers).decode()
    return "\n".join((letter.body.decode("utf-8", "replace"), headers, letter.reason, *told))
