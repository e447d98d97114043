"""Help for tests of programs that use msgq: an app in memory, run-until-idle, contexts, claims.

Nothing here is imported by msgq itself. Any thread.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from msgq import codec
from msgq._conn import ASYNC, SYNC, require_kind
from msgq._engine import core
from msgq._run import with_acks
from msgq._transaction import abegin, begin
from msgq.app import App
from msgq.client import Client
from msgq.context import Context
from msgq.duration import Duration, now_ms
from msgq.errors import MsgqError
from msgq.handler import Handler
from msgq.message import Delivery, Message
from msgq.priority import NORMAL
from msgq.queue import Queue
from msgq.worker import Worker

if TYPE_CHECKING:
    from msgq._ack import Acks
    from msgq._core import Decision, DeliveryFields, Engine, Lot, Receipt

__all__ = [
    "FakeEngine", "context", "deliveries", "enqueued", "memory_app", "run_until_idle", "run_worker",
]  # fmt: skip


@contextmanager
def memory_app(app: App | None = None, **settings: Any) -> Iterator[App]:
    """Gives an app on memory:// with profile "test"; a given app is moved there for the while.

    The app's own engine, if open, is left alone and put back afterwards.
    """
    settings = {"profile": "test", **settings}
    if app is None:
        with App("memory://", **settings) as made:
            yield made
        return
    before = app._config  # as it was, perhaps not read yet
    mine = _in_memory(app, settings)
    clients = [(app.at(name), mine.at(name)) for name in mine.transports]
    kept = [(each, {name: getattr(each, name) for name in _STATE}) for each, _ in clients]
    kept[0][1]["_config"] = before
    senders = _unbind(app)
    for client, other in clients:
        for name in _STATE:
            setattr(client, name, getattr(other, name))
    try:
        yield app
    finally:
        app.close()
        for client, state in kept:
            for name, value in state.items():
                setattr(client, name, value)
        for each in senders:
            each.__dict__.pop("_put", None)


_STATE = ("_url", "_urls", "_settings", "_command_line", "_config", "_engine", "_is_closed",
          "_meter", "_bridges")  # fmt: skip


def _in_memory(app: App, settings: dict[str, Any]) -> App:
    """Gives an app with the transports of another, each in a memory of its own."""
    try:
        config = app.config
    except MsgqError:  # of where it runs for real, which need not be here
        return App("memory://", **settings)
    same = {"unroutable": config["unroutable"]}
    if config.is_one:
        return App("memory://", **{**same, **settings})
    same["queue_transports"] = config["queue_transports"]
    return App(urls=dict.fromkeys(config.urls, "memory://"), **{**same, **settings})


def _unbind(app: App) -> list[Handler[..., Any]]:
    """Makes handlers look their engine up again."""
    handlers = list(app.handlers.values())
    for each in handlers:
        each.__dict__.pop("_put", None)
    return handlers


@contextmanager
def run_worker(app: App, queues: Iterable[str] | None = None, **options: Any) -> Iterator[Worker]:
    """Runs a worker for the while; at the end it drains."""
    with app.worker(queues, **options) as worker:
        yield worker


def run_until_idle(app: App, queues: Iterable[str] | None = None, timeout: Duration = 10.0) -> None:
    """Handles all that is due, what handlers enqueue for each other included.

    What is due later stays where it is: look at it, or bring it forward with Queue.reschedule.
    Raises WaitTimeoutError when that takes longer than `timeout`.
    """
    with app.worker(queues) as worker:
        worker.run_until_idle(timeout)


def enqueued(target: App | Handler[..., Any], queue: str | None = None) -> list[Message]:
    """Gives the messages that wait in a queue, or those for one handler, oldest first.

    None for a queue that was never sent to.
    """
    client = target._client if isinstance(target, Handler) else target
    _wait_until_stored(client)
    wanted = target.settings.queues if isinstance(target, Handler) else queue and (queue,)
    found = [
        each
        for one in client._all()
        for name in one._opened().queues()
        if not wanted or name in wanted
        for each in Queue(one, name).messages()
    ]
    if isinstance(target, Handler):
        return [each for each in found if each.handler == target.settings.type]
    return found


def _wait_until_stored(client: Client) -> None:
    """memory:// settles a receipt before its message can be seen by looking: waits for that."""
    while any(each.in_flight for each in client.stats(with_depth=False).traffic):
        time.sleep(0.0005)


class _FakeLot:
    """Messages that came from no store."""

    channel = 0
    is_uniform = True
    is_lost = False

    def __init__(self, queue: str, bodies: list[bytes], fields: dict[str, Any]) -> None:
        self.queue = queue
        self.type = str(fields.get("handler", ""))
        self.content = int(fields["content"])
        self._bodies = bodies
        self._fields = fields
        self._ids = [core().new_id() for _ in bodies]

    def __len__(self) -> int:
        return len(self._bodies)

    def bodies(self) -> list[bytes]:
        return self._bodies

    def fields(self, index: int) -> DeliveryFields:
        said = self._fields
        headers = codec.encode_headers(said.get("headers"), {}) or b""
        return (
            self._ids[index], self.type, self.content, headers, self._bodies[index],
            said.get("attempt", 1), said.get("failures", 0), 0, b"", now_ms(), 1,
            said.get("priority", NORMAL), 0, said.get("key", ""),
        )  # fmt: skip


def context(
    *,
    queue: str = "default",
    attempt: int = 1,
    failures: int = 0,
    headers: Mapping[str, Any] | None = None,
    body: Any = b"",
    priority: int = NORMAL,
    key: str = "",
) -> Context:
    """Gives a Context for calling a handler as a plain function.

    There is no message to end in its transactions: they commit what else they hold.
    """
    fields = {
        "attempt": attempt, "failures": failures, "headers": headers, "priority": priority,
        "key": key,
    }  # fmt: skip
    return Context(_lot(queue, [body], fields), 0, cast("Acks", _NoAcks()))


class _NoAcks:
    """Transactions of a handler whose message came from no store."""

    def ack(self, conn: Any, _lot: Lot, _indexes: Sequence[int]) -> None:
        require_kind(conn, SYNC)

    async def aack(self, conn: Any, _lot: Lot, _indexes: Sequence[int]) -> None:
        require_kind(conn, ASYNC)

    def transaction(
        self, conn: Any, _lot: Lot, _indexes: Sequence[int]
    ) -> AbstractContextManager[None]:
        return begin(conn)

    def atransaction(
        self, conn: Any, _lot: Lot, _indexes: Sequence[int]
    ) -> AbstractAsyncContextManager[None]:
        return abegin(conn)


def _lot(queue: str, bodies: Iterable[Any], fields: dict[str, Any]) -> Lot:
    listed = list(bodies)
    is_raw = all(isinstance(each, bytes) for each in listed)
    encoded = listed if is_raw else [codec.encode_json(each) for each in listed]
    fields["content"] = codec.CONTENT_BYTES if is_raw else codec.CONTENT_JSON
    return cast("Lot", _FakeLot(queue, encoded, fields))


class FakeEngine:
    """Notes how deliveries made by `deliveries` were settled: `settled[id]` is "ack", "retry"..."""

    _NAMES = ("ack", "retry", "snooze", "reject")

    def __init__(self) -> None:
        self.settled: dict[uuid.UUID, str] = {}

    def settle_now(self, lot: Lot, decisions: list[Decision]) -> Receipt:
        """Notes what was decided."""
        for index, verdict, *_ in decisions:
            self.settled[uuid.UUID(bytes=lot.fields(index)[0])] = self._NAMES[verdict]
        return cast("Receipt", _Settled())

    def settle(self, lot: Lot, decisions: list[Decision]) -> None:
        """Notes what was decided; what is not named is acknowledged."""
        self.settle_now(lot, with_acks(decisions, len(lot)))

    def extend(self, _lot: Lot, _lease: float) -> Receipt:
        """Accepts."""
        return cast("Receipt", _Settled())


class _Settled:
    """A receipt of something that is done."""

    status = 1
    count = 1

    def wait(self, _timeout: float | None) -> bool:
        return True

    def error(self) -> None:
        return None


def deliveries(
    bodies: Iterable[Any],
    *,
    queue: str = "default",
    attempt: int = 1,
    headers: Mapping[str, Any] | None = None,
) -> tuple[list[Delivery], FakeEngine]:
    """Gives deliveries that came from no store, and the engine that notes how they are settled."""
    engine = FakeEngine()
    lot = _lot(queue, bodies, {"attempt": attempt, "headers": headers})
    return [Delivery(cast("Engine", engine), lot, i) for i in range(len(lot))], engine
