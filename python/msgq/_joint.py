"""A worker over several transports: one Worker for each, started, watched and stopped together.

start and stop may come from any thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgq._lifecycle import logger
from msgq.duration import Duration, parse_duration
from msgq.errors import ClosedError
from msgq.handler import ANY_NAME
from msgq.worker import Served, Worker, choose

if TYPE_CHECKING:
    from typing_extensions import Self

    from msgq.app import App


class JointWorker(Worker):
    """Serves handlers whose queues live on different transports, at the same time."""

    def __init__(
        self,
        app: App,
        served: Sequence[Served],
        concurrency: int | None = None,
        *,
        grace: Duration | None = None,
    ) -> None:
        super().__init__(app, served, concurrency, grace=grace)
        names = dict.fromkeys(each.transport for each in served)
        # fixed after construction
        self.parts = [
            Worker(app, [each for each in served if each.transport == name], concurrency,
                   grace=grace)
            for name in names
        ]  # fmt: skip

    def __repr__(self) -> str:
        return f"JointWorker({', '.join(map(repr, self.parts))})"

    @property
    def is_running(self) -> bool:
        """True from start to stop."""
        return any(each.is_running for each in self.parts)

    def start(self) -> Self:
        """Opens all stores and begins to handle messages; when one cannot be opened, none."""
        if self._state != "new":
            raise ClosedError("a worker starts once; make another one")
        self._state = "running"
        try:
            for each in self.parts:
                each.start()
        except BaseException:
            for each in self.parts:
                each.stop(0.0)
            raise
        return self

    def stop(self, grace: Duration | None = None) -> bool:
        """Takes no more from any transport, then waits up to `grace` for all running handlers."""
        seconds = self.grace if grace is None else parse_duration(grace, "grace")
        self._state = "stopped"
        halted = [(each, each._halt()) for each in self.parts]
        deadline = time.monotonic() + seconds
        self._is_over.set()
        endings = [each._join(threads, deadline) for each, threads in halted]
        return all(endings)

    @property
    def failure(self) -> BaseException | None:
        """Why the store of one of them was given up; None: all well."""
        return next((each.failure for each in self.parts if each.failure is not None), None)

    @property
    def running_count(self) -> int:
        """How many handler calls are running now (a batch counts once)."""
        return sum(each.running_count for each in self.parts)

    def _pulse(self) -> int | None:
        """Looks at all of them, one after the other, as Worker does at one."""
        found = [each._pulse() for each in self.parts]
        return None if None in found else sum(filter(None, found))

    def _is_idle(self) -> bool:
        # A message may go from a transport not yet looked at to one that was: two looks that count
        # the same say that none did.
        first = self._pulse()
        return first is not None and first == self._pulse()


def _warn_of_unserved(app: App) -> None:
    """Says which messages of a handler this app sends where it handles none of them itself.

    That may be meant, as another program may; or the handler's queue= lacks one.
    """
    every = choose(app, None)
    rest = {(each.queue, each.transport) for each in every if each.handler.name == ANY_NAME}
    for handler in dict.fromkeys(each.handler for each in every):
        own = {(each.queue, each.transport) for each in every if each.handler is handler}
        ends = app.routes.expand(app.routes.possible(handler.name), app._home_of)
        for end in ends:
            if end not in own | rest:
                logger().warning(
                    "rules send messages of handler %s to queue %s, where this app has no handler "
                    "for them", handler.name, end,
                )  # fmt: skip


def make_worker(
    app: App, queues: Iterable[str] | None, concurrency: int | None, grace: Duration | None
) -> Worker:
    """Gives a worker for what is to be served, wherever that lives. Raises ConfigError.

    What lives on sync:// runs where it is sent, and needs no worker beside others.
    """
    served = choose(app, queues)
    _warn_of_unserved(app)
    names = list(dict.fromkeys(each.transport for each in served))
    if len(names) > 1:
        stored = [each for each in names if app.at(each).transport != "sync"]
        names = stored or names[:1]
        served = [each for each in served if each.transport in names]
    if len(names) == 1:
        return Worker(app, served, concurrency, grace=grace)
    return JointWorker(app, served, concurrency, grace=grace)
