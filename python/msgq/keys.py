"""The key of a message: those of one key run one at a time, in the order they were enqueued.

Key says where the key of a call lies in its arguments. Nothing here keeps state; any thread.
"""

from __future__ import annotations

import datetime
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgq.errors import ConfigError, PayloadError

if TYPE_CHECKING:
    from msgq._signature import Plan

BYTES_MAX: Final = 512
_PARTS: Final = (str, int, uuid.UUID, datetime.date)  # of exact text; a datetime is a date


class Key:
    """How to read a key out of arguments: a field of them, or several joined by ":".

    Dots lead inside, "order.user.id": into dicts by name and into objects by attribute. There is no
    key where a field is missing, None or empty text. `prefix` goes before it. `Key("a") | Key("b")`
    is the first that is there; `Key()` never gives one. Raises ConfigError.
    """

    __slots__ = ("_ways",)

    def __init__(self, *fields: str, prefix: str = "") -> None:
        for each in fields:
            if not isinstance(each, str) or not all(each.split(".")):
                raise ConfigError(f"a field of a key is a name, or names with dots, got {each!r}")
        if not isinstance(prefix, str) or (prefix and not fields):
            raise ConfigError(f"prefix= of a key is text before its fields, got {prefix!r}")
        self._ways: tuple[tuple[str, tuple[str, ...]], ...] = ((prefix, fields),) if fields else ()

    def __repr__(self) -> str:
        told = [
            ", ".join([*map(repr, fields), *([f"{prefix=}"] if prefix else [])])
            for prefix, fields in self._ways or (("", ()),)
        ]
        return " | ".join(f"Key({each})" for each in told)

    def __bool__(self) -> bool:
        """False when it never gives a key."""
        return bool(self._ways)

    def __or__(self, other: Key) -> Key:
        """Gives one that asks the other where this one finds none."""
        if not isinstance(other, Key):
            return NotImplemented
        both = Key()
        both._ways = self._ways + other._ways
        return both

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field it looks at, in order."""
        return tuple(dict.fromkeys(field for _, fields in self._ways for field in fields))

    def of(self, arguments: Any) -> str | None:
        """Gives the key of these arguments by name, or of an object; None: it has none.

        Raises PayloadError when a field is there and is neither text, a whole number, an id nor a
        date.
        """
        for prefix, fields in self._ways:
            parts = [_part(arguments, field) for field in fields]
            if all(parts):
                return prefix + ":".join(parts)  # type: ignore[arg-type]
        return None


KeyFunction: TypeAlias = Callable[..., "str | None"]
"""Takes what the handler takes, but for a Context; gives the key, None for none."""
KeySaid: TypeAlias = "str | Sequence[str] | Key | KeyFunction"
"""What people write as key= of a handler."""


class KeyRule:
    """How the calls of one handler get their keys: "" is none. Raises ConfigError when made."""

    __slots__ = ("_find", "_parse", "_plan", "_word")

    def __init__(
        self, said: Key | KeyFunction, plan: Plan, word: str = "key",
        parse: Callable[[str | None], str] | None = None,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._word = word
        self._parse = parse or parse_key
        self._find = self._reader(said) if isinstance(said, Key) else self._caller(said)

    def of_call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Gives the key of a call that fits the signature. Raises PayloadError for a bad one."""
        return self._checked(self._plan._bound(*args, **kwargs))

    def of_items(self, calls: Sequence[Any]) -> list[str]:
        """Gives the key of each item of an enqueue_many. A PayloadError names the item."""
        bind = (lambda call: (call,)) if self._plan.is_item else self._plan.bind
        return _each(lambda call: self._checked(bind(call)), calls)

    def _checked(self, values: Sequence[Any]) -> str:
        found = self._find(values)
        try:
            return self._parse(found)
        except ConfigError as error:
            raise PayloadError(f"{self._word}= of handler {self._plan.name!r}: {error}") from error

    def _reader(self, key: Key) -> Callable[[Sequence[Any]], str | None]:
        if self._plan.is_item:
            return lambda values: key.of(values[0])
        names = [each.name for each in self._plan.parameters]
        if not any({each.split(".")[0] for each in way} <= set(names) for _, way in key._ways):
            raise ConfigError(
                f"{self._word}= of handler {self._plan.name!r} is of no argument: {key} of "
                f"({', '.join(names)})"
            )
        return lambda values: key.of(dict(zip(names, values, strict=True)))

    def _caller(self, function: KeyFunction) -> Callable[[Sequence[Any]], str | None]:
        named = [each.name for each in self._plan.parameters if each.is_keyword_only]
        first = len(self._plan.parameters) - len(named)
        return lambda values: function(
            *values[:first], **dict(zip(named, values[first:], strict=True))
        )


def parse_rule(said: Any, word: str = "key") -> Key | KeyFunction | None:
    """Gives what key= (or dedup=) of a handler means; None for none. Raises ConfigError."""
    if said is None or isinstance(said, Key):
        return said or None
    if isinstance(said, str):
        return Key(said)
    if isinstance(said, (tuple, list)) and said:
        return Key(*said)
    if not callable(said):
        raise ConfigError(
            f"{word}= of a handler is a field of its arguments, several, a msgq.Key or a function, "
            f"got {said!r:.80}"
        )
    return said  # type: ignore[no-any-return]


def parse_key(value: str | None, what: str = "key") -> str:
    """Gives the key, or whatever `what` says, "" for none. Raises ConfigError for what is none."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(f"a {what} is text, not {type(value).__name__}: {value!r:.80}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ConfigError(f"{what} {value!a:.80} holds lone surrogates") from error
    if not 1 <= size <= BYTES_MAX:
        raise ConfigError(f"a {what} has from 1 to {BYTES_MAX} bytes, {value[:40]!r} has {size}")
    return value


def parse_each(
    parse: Callable[[str | None], str], values: Sequence[str | None], count: int, what: str
) -> list[str]:
    """Gives what is parsed of each of `count` messages. A ConfigError names the item."""
    if len(values) != count:
        raise PayloadError(f"{len(values)} {what}s for {count} bodies")
    return _each(parse, values)


def _each(read: Callable[[Any], str], items: Sequence[Any]) -> list[str]:
    """Reads every item; an error names it."""
    found: list[str] = []
    try:
        found.extend(map(read, items))
    except (ConfigError, PayloadError) as error:
        raise type(error)(f"item {len(found)}: {error}") from error
    return found


def _part(value: Any, field: str) -> str | None:
    """Gives the text of one field; None when it is missing."""
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None:
        return None
    if not isinstance(value, _PARTS):
        raise PayloadError(
            f"{field!r} is no part of a key: it is a {type(value).__name__}, and a key is made of "
            "text, whole numbers, ids and dates"
        )
    return str(value)
