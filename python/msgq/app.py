"""App: a client with handlers. Declares them, enqueues for them, runs them.

Declaring never connects; the store is opened at the first enqueue, run or look. Any thread.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from msgq._names import name_of
from msgq._routed import Routed
from msgq._signature import Plan, Shape
from msgq.context import Context
from msgq.dedup import OnDuplicate, Unique
from msgq.duration import Duration
from msgq.errors import ConfigError
from msgq.handler import (
    ANY_NAME,
    Batch,
    BatchHandler,
    ContextHandler,
    Handler,
    HandlerSettings,
    Names,
)
from msgq.keys import KeySaid
from msgq.priority import Priority
from msgq.retry import ExceptionRegistry, RetryPolicy
from msgq.subscription_start import Start

if TYPE_CHECKING:
    from msgq._core import Engine
    from msgq.config import Config
    from msgq.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class HandlerDecorator(Protocol):
    """What `app.handler(...)` gives: turns a function into a Handler."""

    @overload
    def __call__(self, function: Callable[Concatenate[Context, P], R]) -> ContextHandler[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Handler[P, R]: ...


class BatchDecorator(Protocol):
    """What `app.handler(batch=...)` gives: turns a function of a list into a BatchHandler."""

    @overload
    def __call__(self, function: Callable[[list[T], Context], R]) -> BatchHandler[T, R]: ...
    @overload
    def __call__(self, function: Callable[[list[T]], R]) -> BatchHandler[T, R]: ...


class App(Routed):
    """The center of a program that uses msgq: its store, its handlers, its workers.

    url: MSGQ_URL unless given, else sqlite:///msgq.db. urls: of several transports, by name; see
    Client. Settings are those of msgq.config; unknown ones and bad URLs raise ConfigError at once.
    `exceptions` says what exception classes mean.
    """

    def __init__(self, url: str | None = None, *, urls: Any = None, **settings: Any) -> None:
        super().__init__(url, urls=urls, **settings)
        # filled while handlers are declared, then only read
        self.handlers: dict[str, Handler[..., Any]] = {}
        self.exceptions = ExceptionRegistry()
        # guarded by the GIL alone: list append and remove
        self._workers: list[Worker] = []
        self._before_close.append(self._stop_workers)

    @overload
    def handler(
        self,
        *,
        batch: Batch,
        queue: Names = ...,
        transport: Names | None = ...,
        name: str | None = ...,
        retry: RetryPolicy | None = ...,
        timeout: Duration | None = ...,
        concurrency: int | None = ...,
        priority: Priority | None = ...,
        key: KeySaid | None = ...,
        dedup: KeySaid | None = ...,
        unique: Unique | None = ...,
        on_duplicate: OnDuplicate | None = ...,
        hold_sends: bool | None = ...,
        subscription: str | None = ...,
        start: Start = ...,
    ) -> BatchDecorator: ...
    @overload
    def handler(
        self,
        *,
        queue: Names = ...,
        transport: Names | None = ...,
        name: str | None = ...,
        retry: RetryPolicy | None = ...,
        timeout: Duration | None = ...,
        concurrency: int | None = ...,
        priority: Priority | None = ...,
        key: KeySaid | None = ...,
        dedup: KeySaid | None = ...,
        unique: Unique | None = ...,
        on_duplicate: OnDuplicate | None = ...,
        hold_sends: bool | None = ...,
        subscription: str | None = ...,
        start: Start = ...,
        batch: None = ...,
    ) -> HandlerDecorator: ...
    def handler(
        self,
        *misplaced: Any,
        queue: Names = "default",
        transport: Names | None = None,
        name: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: Duration | None = None,
        concurrency: int | None = None,
        priority: Priority | None = None,
        key: KeySaid | None = None,
        dedup: KeySaid | None = None,
        unique: Unique | None = None,
        on_duplicate: OnDuplicate | None = None,
        hold_sends: bool | None = None,
        subscription: str | None = None,
        start: Start = "latest",
        batch: Batch | None = None,
    ) -> Any:
        """Declares the decorated function as handler of `queue`: of several it sends to the first.

        transport: where these queues live, unless `queue_transports` says so; one or several.
        name: module and qualified name unless given; "*" takes every message of the queue that no
        other handler is named for, its one argument being the body. concurrency: so many at once
        (lots of threads, messages of async functions). priority: of its messages, unless using()
        says otherwise. key: where the key of a call lies, a field of its arguments ("order.user"),
        several joined, a msgq.Key, or a function of them: those of one key run one at a time, in
        order; whose call has none is not ordered. dedup: where its dedup id lies, likewise, with
        unique and on_duplicate as of using(). batch: the function takes a list, and fields are
        those of an item. timeout: counts as a failure once over. subscription: it gets every
        message of the queue through the subscription of this name, which its worker makes where
        there is none, from start= on (see Queue.subscribe), as bodies unless name= says which
        handler's calls. Raises ConfigError: a name that
        is declared twice, a signature whose arguments cannot travel, a key of no argument, a batch
        handler without list[...], generators. hold_sends: whether what the function sends is held
        until its message is done; the setting says unless given.
        """

        def declare(function: Callable[..., Any]) -> Handler[..., Any]:
            return self._declare(
                function,
                HandlerSettings(
                    _name(function, name, subscription),
                    queue,
                    transport,
                    retry=retry,
                    timeout=timeout,
                    batch=batch,
                    concurrency=concurrency,
                    priority=priority,
                    key=key,
                    dedup=dedup,
                    terms={"unique": unique, "on_duplicate": on_duplicate},
                    is_async=_is_async(function),
                    hold_sends=hold_sends,
                    subscription=subscription,
                    start=start,
                ),
            )

        if misplaced or callable(batch) or callable(queue):
            is_bare = callable(next(iter(misplaced), batch or queue))
            shown = "@app.handler()" if is_bare else f"queue={misplaced[0]!r:.60}"
            raise ConfigError(
                f"write {shown}: handler() takes what it takes by name, in parentheses"
            )
        return declare

    def _declare(
        self, function: Callable[..., Any], settings: HandlerSettings
    ) -> Handler[..., Any]:
        name = settings.name
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(f"handler {name!r} is a generator, which would never run")
        keys = [name]
        if name == ANY_NAME or settings.subscription is not None:
            keys = [f"{settings.place(queue)}:{name}" for queue in settings.queues]
        for key in keys:
            if key in self.handlers:
                raise ConfigError(
                    f"a handler named {key!r} is declared already, by "
                    f"{name_of(self.handlers[key].function)}; give one of them another name="
                )
        if not name or len(name.encode("utf-8", "replace")) > 255 or not name.isprintable():
            raise ConfigError(f"a handler's name is 1 to 255 printable bytes, got {name!a:.80}")
        shape: Shape = "batch" if settings.batch else "body" if name == ANY_NAME else "call"
        plan = Plan(name, function, shape)
        kind: Any = BatchHandler if settings.batch else Handler
        if _begins_with_context(function, plan):
            kind = ContextHandler
        made: Handler[..., Any] = kind(self, function, plan, settings)
        self.handlers.update(dict.fromkeys(keys, made))
        if route := self._route_of(made):
            made._reroute(route)
        return made

    def _rules_changed(self) -> None:
        super()._rules_changed()
        for each in self.handlers.values():
            each._reroute(self._route_of(each))

    def policy(self) -> RetryPolicy:
        """Gives the policy of handlers that say none, from the settings."""
        return policy_of(self.config)

    def worker(
        self,
        queues: Iterable[str] | None = None,
        concurrency: int | None = None,
        *,
        grace: Duration | None = None,
    ) -> Worker:
        """Gives a worker for this process: use it in `with`, or start() and stop() it.

        queues: all that handlers were declared for unless given. Each transport has `concurrency`
        handler threads of its own. Raises ConfigError: no handlers,
        or none for a queue named.
        """
        from msgq._joint import make_worker

        return make_worker(self, queues, concurrency, grace)

    def run(
        self,
        queues: Iterable[str] | None = None,
        concurrency: int | None = None,
        *,
        processes: int | None = None,
        burst: bool = False,
        grace: Duration | None = None,
    ) -> int:
        """Runs a worker until SIGTERM or SIGINT, draining then; a second signal leaves at once.

        processes: that many worker processes, restarted when they die. burst: ends once the queues
        are empty. Gives the number of messages left unfinished at the end of the grace time (0: all
        well). Signal handlers are set only on the main thread, and put back. Raises as worker().
        """
        count = self.config["processes"] if processes is None else processes
        if count > 1:
            from msgq.supervisor import run_processes

            return run_processes(self, count, queues, concurrency, burst=burst, grace=grace)
        from msgq._signals import run_worker

        return run_worker(self.worker(queues, concurrency, grace=grace), burst=burst)

    def _prepared(self, engine: Engine) -> Engine:
        from msgq._sync import SyncEngine

        if isinstance(engine, SyncEngine):
            from msgq._inline import Inline

            engine.handle = Inline(self)
        return engine

    def _stop_workers(self, seconds: float) -> None:
        for worker in list(self._workers):
            worker.stop(seconds)


def policy_of(config: Config) -> RetryPolicy:
    """Gives the policy of handlers that say none, on the transport whose settings these are."""
    return RetryPolicy(
        max_attempts=config["max_attempts"],
        base=config["retry_base"],
        cap=max(config["retry_cap"], config["retry_base"]),
        jitter=config["retry_jitter"],
    )


def _name(function: Callable[..., Any], name: str | None, subscription: str | None) -> str:
    """Gives a handler's name: what is said, or its own; of a subscription all messages."""
    if name is not None:
        return name
    return name_of(function) if subscription is None else ANY_NAME


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(type(function), "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _begins_with_context(function: Callable[..., Any], plan: Plan) -> bool:
    first = next(iter(inspect.signature(function).parameters), None)
    return plan.context is not None and plan.context == first and not plan.is_item
