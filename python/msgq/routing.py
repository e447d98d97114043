"""Routing: which queues a message goes to, by its type, its priority and its headers.

Pure values and rules. An app declares rules while it is set up and then only reads them; any
thread. The order of precedence is Routes.find's, and the table of docs/guides/routing.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from msgq._engine import validate_queue_name
from msgq._later import Later
from msgq.errors import ConfigError
from msgq.handler import Handler
from msgq.priority import NORMAL, Priority, parse_priority
from msgq.queue import Queue

ANY: Final = "*"
_NONE_FITS: Final = (-1, 0)
What: TypeAlias = str | type | Handler[..., Any]
"""A handler or its name, a message class, or a name with * for any part of it."""
To: TypeAlias = str | Queue | Sequence[str | Queue]


class Target(NamedTuple):
    """A queue; where it lives, or None: where the settings say."""

    queue: str
    transport: str | None = None

    def __str__(self) -> str:
        return self.queue if self.transport is None else f"{self.queue} ({self.transport})"


class Subject(NamedTuple):
    """What rules look at."""

    name: str
    kind: type | None = None
    priority: int = NORMAL
    headers: Mapping[str, Any] = {}
    has_handler: bool = False


@dataclass(frozen=True)
class Rule:
    """Where messages of a type go: always, from some priorities on, or with some headers."""

    what: str | type
    to: tuple[Target, ...] = ()
    headers: Mapping[str, Any] | None = None
    table: tuple[tuple[int, tuple[Target, ...]], ...] = ()

    @property
    def rank(self) -> int:
        """0 for rules about headers, 1 about priorities, 2 about the type alone."""
        return 0 if self.headers else 1 if self.table else 2

    def key(self) -> tuple[object, ...]:
        """Gives what no two rules may share: it could not be said which of them counts."""
        return (self.what, self.rank, repr(sorted((self.headers or {}).items())))

    def closeness(self, name: str, kind: type | None) -> tuple[int, int]:
        """Says how closely `what` names a type, more being closer; (-1, 0) when it does not."""
        if isinstance(self.what, type):
            if kind is None or self.what not in kind.__mro__:
                return _NONE_FITS
            place = kind.__mro__.index(self.what)
            return (2, -place) if place else (3, 0)
        if self.what == name or self.what == ANY:
            return (0, 0) if self.what == ANY else (3, 0)
        if ANY in self.what and _fits(self.what, name):
            return (1, len(self.what) - self.what.count(ANY))
        return _NONE_FITS

    def targets(self, subject: Subject) -> tuple[Target, ...]:
        """Gives where a message goes whose type fits; nothing when its priority or headers don't.

        Of a table the highest threshold counts that the priority reaches.
        """
        if self.table:
            return next((to for least, to in self.table if subject.priority >= least), ())
        given = subject.headers
        is_fit = all(
            name in given and _is_one_of(wanted, given[name])
            for name, wanted in (self.headers or {}).items()
        )
        return self.to if is_fit else ()


class Routes:
    """The rules of an app, and the queues that pass on what they are sent."""

    def __init__(self) -> None:
        # added to while the app is set up, then only read
        self.rules: list[Rule] = []
        self.forwards: dict[Target, tuple[Target, ...]] = {}

    def add(self, rule: Rule) -> None:
        """Adds a rule. Raises ConfigError for one that another one makes ambiguous."""
        if any(each.key() == rule.key() for each in self.rules):
            name = rule.what.__qualname__ if isinstance(rule.what, type) else rule.what
            raise ConfigError(f"there is a rule for {name!r} of this kind already; join the two")
        self.rules.append(rule)

    def forward(self, source: Target, to: tuple[Target, ...]) -> None:
        """Passes what is sent to a queue on. Raises ConfigError for one that comes back to it."""
        if source in self.forwards:
            raise ConfigError(f"queue {source} is forwarded already; name all queues in one call")
        self._walk(source, {**self.forwards, source: to}, (), lambda target: target)
        self.forwards[source] = to

    def concerns(self, name: str) -> bool:
        """Whether messages of a handler of that name may go elsewhere than to its own queue."""
        return bool(self.forwards or self.possible(name))

    def possible(self, name: str) -> list[Target]:
        """Gives every queue that some rule may send messages of a handler of that name to."""
        fitting = [
            each
            for each in self.rules
            if each.closeness(name, None) > ((0, 0) if each.rank == 2 else _NONE_FITS)
        ]
        return [
            target
            for rule in fitting
            for to in (rule.to, *(to for _, to in rule.table))
            for target in to
        ]

    def find(self, subject: Subject) -> tuple[Target, ...]:
        """Gives the targets of the first rule that fits, none for no rule.

        Rules about headers come first, then tables of priorities, then types alone. Among these
        the closest type: its own name or class, base classes, the longest name with *, then "*".
        Then the rule with more headers, then the one declared first. Where a handler's messages
        go when nothing fits is known, so "*" alone says nothing about them.
        """
        found: list[tuple[tuple[int, ...], tuple[Target, ...]]] = []
        for number, rule in enumerate(self.rules):
            depth, width = rule.closeness(subject.name, subject.kind)
            is_rest = depth == 0 and rule.rank == 2 and subject.has_handler
            to = () if depth < 0 or is_rest else rule.targets(subject)
            if to:
                order = (rule.rank, -depth, -width, -len(rule.headers or ()), number)
                found.append((order, to))
        return min(found)[1] if found else ()

    def expand(
        self, targets: Iterable[Target], home_of: Callable[[str], str]
    ) -> tuple[Target, ...]:
        """Gives what is left when every forward was followed, each queue once, in order."""

        def placed(target: Target) -> Target:
            return Target(target.queue, target.transport or home_of(target.queue))

        forwards = {placed(source): to for source, to in self.forwards.items()}
        ends = [end for each in targets for end in self._walk(placed(each), forwards, (), placed)]
        return tuple(dict.fromkeys(ends))

    def _walk(
        self,
        target: Target,
        forwards: Mapping[Target, tuple[Target, ...]],
        path: tuple[Target, ...],
        placed: Callable[[Target], Target],
    ) -> list[Target]:
        if target in path:
            circle = " -> ".join(map(str, (*path[path.index(target) :], target)))
            raise ConfigError(f"messages would go round for ever: {circle}")
        passed_on = forwards.get(target)
        if passed_on is None:
            return [target]
        path = (*path, target)
        ends = (self._walk(placed(each), forwards, path, placed) for each in passed_on)
        return [end for some in ends for end in some]


def make_rule(
    client: object,
    what: What,
    to: To | None,
    headers: Mapping[str, Any] | None,
    priorities: Mapping[Priority, To] | None,
) -> Rule:
    """Gives a checked rule. Raises ConfigError for what cannot be meant."""
    if isinstance(what, Handler):
        what = what.name
    if not isinstance(what, (str, type)) or not what:
        raise ConfigError(f"a rule is about a handler, a class or a name, got {what!r:.100}")
    if (to is None) == (priorities is None):
        raise ConfigError("a rule needs to=, or priorities= with a queue for each")
    is_map = isinstance(headers, Mapping) and bool(headers)
    if headers is not None and (priorities is not None or not is_map):
        raise ConfigError(
            'headers= of a rule names some with their values, such as {"region": "eu"}, and goes '
            "with to="
        )
    if to is not None:
        return Rule(what, parse_targets(client, to), headers)
    if not isinstance(priorities, Mapping) or not priorities:
        raise ConfigError("priorities= of a rule is a mapping from the least priority to queues")
    table = {parse_priority(least): parse_targets(client, to) for least, to in priorities.items()}
    return Rule(what, table=tuple(sorted(table.items(), reverse=True)))


def parse_targets(client: object, to: To) -> tuple[Target, ...]:
    """Gives queues as people name them. Raises ConfigError: none, one twice, another app's."""
    listed = list(to) if isinstance(to, (list, tuple, set, frozenset)) else [to]
    targets = tuple(_target(client, each) for each in listed)
    if not targets or len(set(targets)) != len(targets):
        raise ConfigError(f"to= names no queue, or one twice: {to!r:.100}")
    return targets


def _target(client: object, to: object) -> Target:
    if not isinstance(to, Queue):
        return Target(validate_queue_name(to))  # type: ignore[arg-type]
    home: Any = to._client
    is_later = type(home) is Later  # the settings were not read yet, and need not be now
    owner = home.shown if is_later else home._root
    if owner is not client:
        raise ConfigError(f"{to!r} is of another app; rules send to queues of their own")
    return Target(to.name, None if is_later else home.transport_name)


def _is_one_of(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, (list, tuple, set, frozenset)):
        return any(_is_one_of(each, value) for each in wanted)
    if isinstance(wanted, str) and ANY in wanted:
        return isinstance(value, str) and _fits(wanted, value)
    is_alike = isinstance(wanted, bool) == isinstance(value, bool)  # else True would be 1
    return is_alike and bool(wanted == value)


def _fits(pattern: str, text: str) -> bool:
    parts = map(re.escape, pattern.split(ANY))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None
