"""The part of an app that sends by rules: declaring them, and messages that name no queue.

Rules are declared while the program is set up, before messages are sent. Any thread.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgq._fan import FanSender, RuledSender
from msgq._names import name_of
from msgq._send import Options, Sender
from msgq._unroutable import Burying
from msgq.client import Client
from msgq.duration import When
from msgq.errors import ConfigError, UnroutableError
from msgq.handler import Handler, Route
from msgq.priority import Priority, parse_priority
from msgq.queue import Queue, encoded
from msgq.receipt import Receipt
from msgq.routing import Routes, Subject, Target, To, What, make_rule, parse_targets

T = TypeVar("T")


class ForwardedQueue(Queue):
    """A queue that passes on what it is sent; to look at and to claim from it is one like others.

    It may hold what was sent before, or by programs that do not forward it.
    """

    def enqueue(
        self,
        body: Any,
        *,
        headers: Mapping[str, Any] | None = None,
        delay: When | None = None,
        **unbuilt: Any,
    ) -> Receipt:
        """Enqueues one message where the queue's forward leads. As Queue.enqueue."""
        return self._sender.put(*encoded(body), self._options(headers, delay, unbuilt))


class Routed(Client):
    """A client with rules."""

    def __init__(self, url: str | None = None, *, urls: Any = None, **settings: Any) -> None:
        super().__init__(url, urls=urls, **settings)
        self.routes = Routes()
        # guarded by the GIL alone: single dict operations
        self._senders: dict[tuple[object, ...], Sender] = {}

    def route(
        self,
        what: What = "*",
        *,
        to: To | None = None,
        headers: Mapping[str, Any] | None = None,
        priorities: Mapping[Priority, To] | None = None,
    ) -> None:
        """Declares where messages of a type go: to one queue or to several.

        what: a handler, its name, a message class (and those below it), or a name with * in it.
        headers: only messages that have these; each value may be a list of values, or text with *.
        priorities: instead of to=, from the least priority on to queues. The first rule that fits
        counts: those about headers, then priorities, then types, the closest type first. Several
        queues of one transport get their copies in one commit; across transports a copy may be
        enqueued and another one fail. Raises ConfigError: no queue, a rule of the same kind for the
        same type.
        """
        self.routes.add(make_rule(self, what, to, headers, priorities))
        self._rules_changed()

    def message(self, *, to: To) -> Callable[[type[T]], type[T]]:
        """Declares where messages of the decorated class go, as route(cls, to=to) does."""

        def declare(kind: type[T]) -> type[T]:
            self.route(kind, to=to)
            return kind

        return declare

    def forward(self, queue: str | Queue, *, to: To) -> None:
        """Declares that what is sent to a queue goes to others instead: a copy to each.

        Whatever this app sends there is meant: by rules, by handlers, by queue() called from now
        on. Atomic as route() is. Raises ConfigError naming the circle, when messages would come
        back.
        """
        source, *more = parse_targets(self, queue)
        if more:
            raise ConfigError(f"one queue is forwarded in a call, got {queue!r:.100}")
        self.routes.forward(source, parse_targets(self, to))
        self.queue = self._passing_queue  # type: ignore[method-assign]
        self._rules_changed()

    def _rules_changed(self) -> None:
        self._senders.clear()

    def enqueue(
        self,
        message: Any,
        *,
        queue: str | None = None,
        transport: str | None = None,
        headers: Mapping[str, Any] | None = None,
        delay: When | None = None,
        **options: Any,
    ) -> Receipt:
        """Enqueues a message where the rules for its class say; durable when it returns.

        Its body is the object itself, encoded once however many queues it goes to: those that
        handle it are handlers named "*". queue (and transport): there, without asking a rule. Other
        options are those of Queue.enqueue. To several queues it is atomic as route() says; the
        receipt's `copies` tell of each. Raises UnroutableError when no rule fits (see the setting
        `unroutable`), else as Queue.enqueue.
        """
        sender, made = self._ready(message, (queue, transport), headers, delay, options)
        return sender.put(*encoded(message), made)

    def enqueue_later(
        self,
        message: Any,
        *,
        queue: str | None = None,
        transport: str | None = None,
        headers: Mapping[str, Any] | None = None,
        delay: When | None = None,
        **options: Any,
    ) -> Receipt:
        """Enqueues a message as enqueue, without waiting; the receipt tells when it is durable."""
        sender, made = self._ready(message, (queue, transport), headers, delay, options)
        return sender.put_later(*encoded(message), made)

    async def aenqueue(
        self,
        message: Any,
        *,
        queue: str | None = None,
        transport: str | None = None,
        headers: Mapping[str, Any] | None = None,
        delay: When | None = None,
        **options: Any,
    ) -> Receipt:
        """Twin of enqueue."""
        sender, made = self._ready(message, (queue, transport), headers, delay, options)
        return await sender.aput(*encoded(message), made)

    def _passing_queue(self, name: str, *, transport: str | None = None) -> Queue:
        """Is queue() once there are forwards: what is sent to such a queue is passed on."""
        made = super().queue(name, transport=transport)
        targets = self.routes.expand([Target(name, transport)], self._home_of)
        if targets == (Target(name, transport or self._home_of(name)),):
            return made
        made.__class__ = ForwardedQueue
        made._sender = self._sender_to(targets, "", made._sender.content)
        return made

    def _ready(
        self,
        message: Any,
        where: tuple[str | None, str | None],
        headers: Mapping[str, Any] | None,
        delay: When | None,
        options: dict[str, Any],
    ) -> tuple[Sender, Options | None]:
        queue, transport = where
        kind = type(message)
        name = "" if kind.__module__ == "builtins" else name_of(kind)
        if queue is not None:
            sender = self._make_sender((Target(queue, transport),), name, kind)
        elif transport is not None:
            raise ConfigError("transport= needs queue=, as rules say on which transport theirs are")
        else:
            priority = parse_priority(options.get("priority"))
            targets = self.routes.find(Subject(name, kind, priority, headers or {}))
            sender = self._sender_of(targets, name, kind)
        if headers is None and delay is None and not options:
            return sender, None
        scheme = sender.kind_for(options.get("conn")) if options else ""
        return sender, Options(scheme, delay, headers, others=options)

    def _sender_of(self, targets: tuple[Target, ...], name: str, kind: type) -> Sender:
        """Gives what sends there: as many are kept as there are rules and classes."""
        key = (targets, name)
        found = self._senders.get(key)
        if found is None:
            found = self._make_sender(targets, name, kind)
            if targets:  # what becomes of the rest, a setting says
                self._senders[key] = found
        return found

    def _make_sender(self, targets: tuple[Target, ...], name: str, kind: type) -> Sender:
        if targets:
            return self._sender_to(self.routes.expand(targets, self._home_of), name, 0)
        said = self.config["unroutable"]
        if said == "raise":
            raise UnroutableError(_explain(name or kind.__name__, self.routes))
        if said == "dead":
            return Burying(self.at(self._home_of("unroutable")), name, 0)
        return self._sender_to(self.routes.expand([Target(said)], self._home_of), name, 0)

    def _sender_to(self, targets: tuple[Target, ...], kind: str, content: int) -> Sender:
        senders = [
            Sender(self.at(each.transport or self._home_of(each.queue)), each.queue, kind, content)
            for each in targets
        ]
        return RuledSender(senders[0]) if len(senders) == 1 else FanSender(senders)

    def _route_of(self, handler: Handler[..., Any]) -> Route | None:
        """Gives where a handler's messages go by the rules; None when none is about them."""
        if not self.routes.concerns(handler.name):
            return None

        def route(priority: int, headers: Mapping[str, Any] | None) -> Sender:
            settings = handler.settings
            home = Target(handler.queue, settings.homes(self, handler.queue)[0])
            subject = Subject(handler.name, None, priority, headers or {}, has_handler=True)
            targets = self.routes.expand(self.routes.find(subject) or (home,), self._home_of)
            if targets == (home,):
                return handler._home
            return self._sender_to(targets, settings.type, handler._plan.content)

        return route


def _explain(name: str, routes: Routes) -> str:
    known = [each.what if isinstance(each.what, str) else name_of(each.what)
             for each in routes.rules]  # fmt: skip
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean the one for {near[0]!r}?" if near else ""
    listed = f"there are rules for {', '.join(dict.fromkeys(known))}" if known else "there are none"
    return f"no rule says where {name!r} goes: {listed[:500]}{hint}; nothing was enqueued"
