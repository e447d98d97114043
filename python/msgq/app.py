"""App: a client with handlers. Declares them, enqueues for them, runs them.

Declaring never connects; the store is opened at the first enqueue, run or look. Any thread.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from msgq._engine import validate_queue_name
from msgq._signature import Plan, Shape
from msgq.client import Client
from msgq.duration import Duration
from msgq.errors import ConfigError
from msgq.handler import (
    ANY_NAME,
    Batch,
    BatchHandler,
    ContextHandler,
    Handler,
    HandlerSettings,
)
from msgq.keys import KeySaid
from msgq.message import Context
from msgq.priority import Priority
from msgq.retry import ExceptionRegistry, RetryPolicy

if TYPE_CHECKING:
    from msgq._core import Engine
    from msgq.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
_MAIN_NAMES = ("__main__", "__mp_main__", "__msgq_worker__")


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


class App(Client):
    """The center of a program that uses msgq: its store, its handlers, its workers.

    url: MSGQ_URL unless given, else sqlite:///msgq.db. Settings are those of msgq.config; unknown
    ones and bad URLs raise ConfigError at once. `exceptions` says what exception classes mean.
    """

    def __init__(self, url: str | None = None, **settings: Any) -> None:
        super().__init__(url, **settings)
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
        queue: str = ...,
        name: str | None = ...,
        retry: RetryPolicy | None = ...,
        timeout: Duration | None = ...,
        concurrency: int | None = ...,
        priority: Priority | None = ...,
        key: KeySaid | None = ...,
    ) -> BatchDecorator: ...
    @overload
    def handler(
        self,
        *,
        queue: str = ...,
        name: str | None = ...,
        retry: RetryPolicy | None = ...,
        timeout: Duration | None = ...,
        concurrency: int | None = ...,
        priority: Priority | None = ...,
        key: KeySaid | None = ...,
        batch: None = ...,
    ) -> HandlerDecorator: ...
    def handler(
        self,
        *,
        queue: str = "default",
        name: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: Duration | None = None,
        concurrency: int | None = None,
        priority: Priority | None = None,
        key: KeySaid | None = None,
        batch: Batch | None = None,
    ) -> Any:
        """Declares the decorated function as a handler of `queue`.

        name: module and qualified name unless given; "*" takes every message of the queue that no
        other handler is named for, its one argument being the body. concurrency: so many at once
        (lots of threads, messages of async functions). priority: of its messages, unless using()
        says otherwise. key: where the key of a call lies, a field of its arguments ("order.user"),
        several joined, a msgq.Key, or a function of them: those of one key run one at a time, in
        order; whose call has none is not ordered. batch: the function takes a list, and fields are
        those of an item. timeout: counts as a failure once over. Raises ConfigError: a name that
        is declared twice, a signature whose arguments cannot travel, a key of no argument, a batch
        handler without list[...], generators.
        """

        def declare(function: Callable[..., Any]) -> Handler[..., Any]:
            return self._declare(
                function,
                HandlerSettings(
                    _name_of(function) if name is None else name,
                    validate_queue_name(queue),
                    retry=retry,
                    timeout=timeout,
                    batch=batch,
                    concurrency=concurrency,
                    priority=priority,
                    key=key,
                    is_async=_is_async(function),
                ),
            )

        if callable(batch) or callable(queue):
            raise ConfigError("write @app.handler(), with parentheses")
        return declare

    def _declare(
        self, function: Callable[..., Any], settings: HandlerSettings
    ) -> Handler[..., Any]:
        name, queue = settings.name, settings.queue
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(f"handler {name!r} is a generator, which would never run")
        key = f"{queue}:*" if name == ANY_NAME else name
        if key in self.handlers:
            raise ConfigError(
                f"a handler named {key!r} is declared already, by "
                f"{_name_of(self.handlers[key].function)}; give one of them another name="
            )
        if not name or len(name.encode("utf-8", "replace")) > 255 or not name.isprintable():
            raise ConfigError(f"a handler's name is 1 to 255 printable bytes, got {name!a:.80}")
        shape: Shape = "batch" if settings.batch else "body" if name == ANY_NAME else "call"
        plan = Plan(name, function, shape)
        kind: Any = BatchHandler if settings.batch else Handler
        if _begins_with_context(function, plan):
            kind = ContextHandler
        made: Handler[..., Any] = kind(self, function, plan, settings)
        self.handlers[key] = made
        return made

    def policy(self) -> RetryPolicy:
        """Gives the policy of handlers that say none, from the settings."""
        config = self.config
        return RetryPolicy(
            max_attempts=config["max_attempts"],
            base=config["retry_base"],
            cap=max(config["retry_cap"], config["retry_base"]),
            jitter=config["retry_jitter"],
        )

    def worker(
        self,
        queues: Iterable[str] | None = None,
        concurrency: int | None = None,
        *,
        grace: Duration | None = None,
    ) -> Worker:
        """Gives a worker for this process: use it in `with`, or start() and stop() it.

        queues: all that handlers were declared for unless given. Raises ConfigError: no handlers,
        or none for a queue named.
        """
        from msgq.worker import Worker

        return Worker(self, queues, concurrency, grace=grace)

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

    def _open(self) -> Engine:
        engine = super()._open()
        if self.transport == "sync":
            from msgq._inline import Inline

            engine.handle = Inline(self)  # type: ignore[attr-defined]
        return engine

    def _stop_workers(self, seconds: float) -> None:
        for worker in list(self._workers):
            worker.stop(seconds)


def _name_of(function: Callable[..., Any]) -> str:
    """Gives module and qualified name; the file's name for a program's main module.

    So `python shop.py` and `msgq worker shop:app` agree on it.
    """
    module = getattr(function, "__module__", None) or "unknown"
    if module in _MAIN_NAMES:
        main = sys.modules.get(module)
        spec = getattr(main, "__spec__", None)
        file = getattr(main, "__file__", None) or function.__globals__.get("__file__")
        if spec is not None and spec.name != "__main__":
            module = spec.name.removesuffix(".__main__")
        elif file:
            module = Path(file).stem
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(type(function), "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _begins_with_context(function: Callable[..., Any], plan: Plan) -> bool:
    first = next(iter(inspect.signature(function).parameters), None)
    return plan.context is not None and plan.context == first and not plan.is_item
