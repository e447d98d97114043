"""Handler: a function that handles messages of a queue, and how to send it some.

A handler is fixed once declared. Any thread; the async twins from any event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeAlias, TypeVar

from msgq import codec
from msgq._engine import validate_queue_name
from msgq._held import SCOPE
from msgq._later import Later
from msgq._send import Options, Sender
from msgq.dedup import OnDuplicate, Unique, parse_dedup, parse_terms
from msgq.duration import Duration, When, parse_duration
from msgq.errors import ConfigError
from msgq.keys import Key, KeyFunction, KeyRule, parse_rule
from msgq.priority import NORMAL, Priority, parse_priority
from msgq.receipt import BatchReceipt, Receipt
from msgq.retry import RetryPolicy
from msgq.subscription_start import Start, parse_start

if TYPE_CHECKING:
    from msgq._signature import Plan
    from msgq.client import Client

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Names: TypeAlias = str | Sequence[str]
ELSEWHERE = {
    "delay": "enqueue", "send": "enqueue", "apply_async": "using(...).enqueue",
    "send_with_options": "using(...).enqueue", "enqueue_in": "using(delay=...).enqueue",
    "enqueue_at": "using(delay=...).enqueue", "s": "using", "options": "using",
}  # fmt: skip
"""What people try who come from other queues: of a handler, by name."""
Route: TypeAlias = Callable[[int, Mapping[str, Any] | None], Sender]
"""Gives what sends messages of a priority and headers where the rules say."""
ANY_NAME = "*"
"""Name of a handler that takes every message of its queue no other handler is named for."""


class Batch:
    """Says that a handler takes many messages at once, as one list.

    max_size: messages at most, 1 to 100,000. max_wait: how long to wait for that many once there is
    one; 0 takes what is there. Raises ConfigError.
    """

    __slots__ = ("max_size", "max_wait")

    def __init__(self, max_size: int = 100, max_wait: Duration = 0.0) -> None:
        if isinstance(max_size, bool) or not isinstance(max_size, int):
            raise ConfigError(f"max_size must be a whole number, got {max_size!r}")
        if not 1 <= max_size <= 100_000:
            raise ConfigError(f"max_size must be from 1 to 100,000, got {max_size}")
        self.max_size = max_size
        self.max_wait = parse_duration(max_wait, "max_wait")

    def __repr__(self) -> str:
        return f"Batch(max_size={self.max_size}, max_wait={self.max_wait:g})"


class Prepared(Generic[P]):
    """A handler with options of one kind of call, from `handler.using(...)`; reusable."""

    def __init__(self, sender: Sender, plan: Plan, options: Options | None) -> None:
        self._sender = sender
        self._plan = plan
        self._options = options
        self._pack = plan.pack
        rule = None if options is None else options.rule
        self._rule = None if rule is None else KeyRule(rule, plan)
        once = None if options is None else options.dedup_rule
        self._once = None if once is None else KeyRule(once, plan, "dedup", parse_dedup)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """Enqueues one call; durable when it returns.

        Inside a handler or a transaction it is durable with that, and the receipt pending.
        Raises PayloadError (arguments that do not fit the signature or cannot be encoded, or over
        the limit), QueueFullError, ClosedError, StoreError; then nothing was enqueued,
        StoreInDoubtError excepted.
        """
        body = self._pack(*args, **kwargs)
        marks = self._marks(args, kwargs)
        return self._sender.put(body, self._plan.content, self._options, *marks)

    def enqueue_later(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """Enqueues one call without waiting; the receipt tells when it is durable."""
        body = self._pack(*args, **kwargs)
        marks = self._marks(args, kwargs)
        return self._sender.put_later(body, self._plan.content, self._options, *marks)

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """Twin of enqueue; what is awaited in one turn of the loop is written together."""
        body = self._pack(*args, **kwargs)
        marks = self._marks(args, kwargs)
        return await self._sender.aput(body, self._plan.content, self._options, *marks)

    def enqueue_many(self, calls: Iterable[Any]) -> BatchReceipt:
        """Enqueues many calls; all durable when it returns. Order is kept.

        Each is a tuple of arguments, a dict of them by name, or the bare value for a handler with
        one argument. Raises as enqueue; a PayloadError names the item and then nothing was
        enqueued; with a StoreError, `error.receipt` tells of each.
        """
        sent = self.enqueue_many_later(calls)
        return sent if sent.is_held else sent.wait()

    def enqueue_many_later(self, calls: Iterable[Any]) -> BatchReceipt:
        """Enqueues many calls without waiting; one receipt for all."""
        bodies, keys, dedups = self._pack_many(calls)
        return self._sender.put_many(
            bodies, self._plan.content, self._options, keys=keys, dedups=dedups
        )

    async def aenqueue_many(self, calls: Iterable[Any]) -> BatchReceipt:
        """Twin of enqueue_many."""
        bodies, keys, dedups = self._pack_many(calls)
        return await self._sender.aput_many(
            bodies, self._plan.content, self._options, keys=keys, dedups=dedups
        )

    def _marks(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[str, str]:
        """Gives key and dedup id of a call, where there are rules for them."""
        key = "" if self._rule is None else self._rule.of_call(args, kwargs)
        return key, "" if self._once is None else self._once.of_call(args, kwargs)

    def _pack_many(
        self, calls: Iterable[Any]
    ) -> tuple[list[bytes], list[str] | None, list[str] | None]:
        if self._rule is None and self._once is None:
            return self._plan.pack_many(calls), None, None
        listed = codec.many(calls)
        keys, dedups = (
            None if rule is None else rule.of_items(listed) for rule in (self._rule, self._once)
        )
        return self._plan.pack_many(listed), keys, dedups


class Handler(Prepared[P], Generic[P, R]):
    """A declared handler. Calling it is a plain function call; enqueue sends it a message."""

    def __init__(
        self, client: Client, function: Callable[P, R], plan: Plan, settings: HandlerSettings
    ) -> None:
        sender = _home_sender(client, settings, plan)
        said = {"priority": settings.priority, **settings.terms}
        is_plain = settings.priority == NORMAL and settings.key is None and settings.dedup is None
        options = None
        if not is_plain:
            options = Options("", others=said, rule=settings.key, dedup_rule=settings.dedup)
        super().__init__(sender, plan, options)
        # fixed after construction
        self.function = function
        self.settings = settings
        self.name = settings.name
        self.queue = settings.queue
        self._client = client
        self._home = sender
        # changed while rules are declared, before messages are sent
        self._route: Route | None = None
        for attribute in ("__doc__", "__module__", "__name__", "__qualname__"):
            if hasattr(function, attribute):
                setattr(self, attribute, getattr(function, attribute))
        self.__wrapped__ = function

    def __repr__(self) -> str:
        return f"Handler({self.name!r}, queue={self.queue!r})"

    if not TYPE_CHECKING:  # there, what is not known stays an error

        def __getattr__(self, name: str) -> Any:
            form = ELSEWHERE.get(name)
            hint = f"; write .{form}(...)" if form else ""
            raise AttributeError(f"a handler has no {name!r}{hint}", name=name, obj=self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function, nothing else."""
        return self.function(*args, **kwargs)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """Enqueues one call; durable when it returns. Errors as Prepared.enqueue."""
        if self._options is not None or SCOPE.get() is not None:
            return super().enqueue(*args, **kwargs)
        body = self._pack(*args, **kwargs)
        return Receipt(self._put(body))

    def _put(self, body: bytes) -> bytes:
        """Replaced by the engine's own function at first use."""
        put = self._home.engine.putter(self.queue, self.settings.type, self._plan.content)
        self._put = put  # type: ignore[method-assign,assignment]
        return put(body)

    def using(
        self,
        *,
        delay: When | None = None,
        headers: Mapping[str, Any] | None = None,
        retry: int | None = None,
        priority: Priority | None = None,
        ttl: When | None = None,
        key: str | Key | KeyFunction | None = None,
        dedup: str | Key | KeyFunction | None = None,
        unique: Unique | None = None,
        on_duplicate: OnDuplicate | None = None,
        conn: Any = None,
        held: bool | None = None,
        queue: str | None = None,
        transport: str | None = None,
        **unbuilt: Any,
    ) -> Prepared[P]:
        """Gives the same handler with options for its calls.

        queue, transport: where to, of those the handler was declared for; no rule is asked then.
        delay: a duration from the call, or an aware datetime. headers: up to 100. retry: attempts
        instead of the policy's max_attempts. priority: 1, served last, to 10, or low, normal, high,
        critical. ttl: as delay; once it is over the message is not run any more. key: its messages
        run one at a time, in order; goes with neither delay nor priority. Text is the key itself, a
        Key or a function reads it from each call; `Key()` is none, also where the handler says one.
        dedup: said as key; while it is remembered no other message of it is taken into the queue.
        unique: for how long, a duration, until_done or until_started; the setting dedup_window
        otherwise. on_duplicate: return gives the earlier message's receipt, and raises for another
        body; skip gives it whatever the body; raise raises DuplicateError.
        conn: a connection of your own to the PostgreSQL database of the app; what is sent is there
        when your transaction commits, and never was when it does not. held: False sends at once
        also inside a handler or a transaction, True holds also where the setting hold_sends is off;
        outside of both it says nothing. Raises ConfigError,
        PayloadError; UnsupportedError where the store cannot do it.
        """
        urgent = self.settings.priority if priority is None else priority
        rule = self.settings.key
        if key is not None:
            rule, key = (None, key) if isinstance(key, str) else (parse_rule(key), None)
        once = self.settings.dedup
        if dedup is not None:
            once, dedup = (None, dedup) if isinstance(dedup, str) else (parse_rule(dedup), None)
        terms = dict(self.settings.terms) if once or dedup else {}
        terms |= {} if unique is None else {"unique": unique}
        terms |= {} if on_duplicate is None else {"on_duplicate": on_duplicate}
        given = {"conn": conn, "key": key, "priority": urgent, "ttl": ttl, "dedup": dedup,
                 "held": held, **terms}  # fmt: skip
        others = {**unbuilt, **{name: one for name, one in given.items() if one is not None}}
        sender: Sender = self._home
        if queue is not None or transport is not None:
            sender = self._sender_at(queue, transport)
        elif self._route is not None:
            sender = self._route(parse_priority(urgent), headers)
        # Which transport it is need not be known yet, and is not asked for before it must be.
        kind = sender.kind_for(conn) if unbuilt or conn is not None else ""
        options = Options(kind, delay, headers, retry, others, rule=rule, dedup_rule=once)
        return Prepared(sender, self._plan, options)

    def _sender_at(self, queue: str | None, transport: str | None) -> Sender:
        """Gives what sends to a queue and transport that it was declared for."""
        settings, client = self.settings, self._client
        where = self.queue if queue is None else queue
        if where not in settings.queues:
            raise ConfigError(
                f"handler {self.name!r} is for {', '.join(settings.queues)}, not for queue "
                f"{where!r}: declare it with queue=[...] naming both"
            )
        homes = settings.homes(client, where)
        name = homes[0] if transport is None else client.at(transport).transport_name
        if name not in homes:
            raise ConfigError(
                f"handler {self.name!r} is for transport {', '.join(homes)}, not for {name!r}: "
                "declare it with transport=[...] naming both"
            )
        return Sender(client.at(name), where, settings.type, self._plan.content)

    def _reroute(self, route: Route | None) -> None:
        """Sends by rules from now on: every call goes the way of those with options."""
        self._route = route
        self.__dict__.pop("_put", None)
        if route is None:
            return
        self._options = self._options or Options("")
        Later(lambda: route(self.settings.priority, None)).stand_in(self, "_sender")


class BatchHandler(Handler[[T], R], Generic[T, R]):
    """A handler of lists: calling it takes a list, enqueue takes one item."""

    def __call__(self, items: list[T], *args: Any) -> R:  # type: ignore[override]
        """Calls the function, nothing else."""
        return self.function(items, *args)  # type: ignore[arg-type]


class ContextHandler(Handler[P, R]):
    """A handler whose first parameter is a Context: given in a plain call, not at enqueue."""

    def __call__(self, context: Any, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override]
        """Calls the function, nothing else."""
        return self.function(context, *args, **kwargs)


class HandlerSettings:
    """What was said when a handler was declared, checked."""

    __slots__ = (
        "batch", "concurrency", "dedup", "hold_sends", "is_async", "key", "name", "priority",
        "queues", "retry", "start", "subscription", "terms", "timeout", "transports",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        queues: Names,
        transports: Names | None = None,
        *,
        retry: RetryPolicy | None,
        timeout: Duration | None,
        batch: Batch | None,
        concurrency: int | None,
        priority: Priority | None,
        key: Any,
        dedup: Any,
        terms: Mapping[str, Any],
        is_async: bool,
        hold_sends: bool | None = None,
        subscription: str | None = None,
        start: Start = "latest",
    ) -> None:
        if batch is not None and not isinstance(batch, Batch):
            raise ConfigError(f"batch= of handler {name!r} takes a msgq.Batch, got {batch!r}")
        if retry is not None and not isinstance(retry, RetryPolicy):
            raise ConfigError(f"retry= of handler {name!r} takes a RetryPolicy, got {retry!r}")
        if concurrency is not None and (
            isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1
        ):
            raise ConfigError(f"concurrency= of handler {name!r} must be at least 1")
        self.name = name
        self.queues = tuple(map(validate_queue_name, _names(queues, "queue", name)))
        self.transports = () if transports is None else _names(transports, "transport", name)
        self.retry = retry
        self.timeout = None if timeout is None else parse_duration(timeout, "timeout")
        self.batch = batch
        self.concurrency = concurrency or 0
        self.priority = parse_priority(priority)
        self.key = parse_rule(key)
        self.dedup = parse_rule(dedup, "dedup")
        self.terms = {name: said for name, said in terms.items() if said is not None}
        if self.terms and self.dedup is None:
            raise ConfigError(f"unique= and on_duplicate= of handler {name!r} need its dedup=")
        parse_terms(self.terms.get("unique"), self.terms.get("on_duplicate"))
        self.is_async = is_async
        if hold_sends not in {None, True, False}:
            raise ConfigError(f"hold_sends= of handler {name!r} is True or False")
        self.hold_sends = hold_sends
        self.subscription = subscription
        parse_start(start)
        self.start = start
        if subscription is not None:
            for queue in self.queues:
                validate_queue_name(self.place(queue))

    @property
    def queue(self) -> str:
        """Where its messages go unless a rule or the call says otherwise."""
        return self.queues[0]

    def homes(self, client: Client, queue: str) -> tuple[str, ...]:
        """Gives the names of the transports of one of its queues. Reads the client's settings."""
        if not self.transports:
            return (client._home_of(queue),)
        return tuple(client.at(each).transport_name for each in self.transports)

    def places(self, client: Client) -> list[tuple[str, str]]:
        """Gives queue and transport of everything that it is to be served."""
        return [
            (self.place(queue), each) for queue in self.queues for each in self.homes(client, queue)
        ]

    def place(self, queue: str) -> str:
        """Gives the name by which it is served of one of its queues."""
        return queue if self.subscription is None else f"{queue}@{self.subscription}"

    @property
    def type(self) -> str:
        """What its messages carry as type: the name; nothing for a handler of whole queues."""
        return "" if self.name == ANY_NAME else self.name


def _names(given: Names, what: str, handler: str) -> tuple[str, ...]:
    found = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    if not found or any(found.count(each) > 1 for each in found):
        raise ConfigError(
            f"{what}= of handler {handler!r} names none, or one twice: {given!r:.100}"
        )
    return found


def _home_sender(client: Client, settings: HandlerSettings, plan: Plan) -> Sender:
    """Gives what sends to its own queue; on which transport that is, is asked at first use."""
    sender = Sender(client, settings.queue, settings.type, plan.content)
    Later(lambda: client.at(settings.homes(client, settings.queue)[0])).stand_in(sender, "client")
    return sender
