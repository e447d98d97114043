"""Client: a store opened by URL. Queues, figures and administration hang on it; App builds on it.

Any thread. The store is opened at first use and closed by close(), `with`, or interpreter exit. A
client may hold several, each named and with a Branch of its own.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgq import _lifecycle
from msgq._engine import open_engine
from msgq._later import Later
from msgq._url import mask
from msgq._urls import DEFAULT, refuse_transport
from msgq.config import Config, check_names, check_urls, resolve
from msgq.duration import Duration, parse_duration
from msgq.errors import ClosedError, MsgqError
from msgq.message import Message
from msgq.queue import Queue
from msgq.stats import Meter, Stats, joined

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from msgq._ack import Acks
    from msgq._bridge import Bridge
    from msgq._core import Engine
    from msgq._dead_filter import Criteria
    from msgq.atomic import Transaction
    from msgq.audit import QueueAudit
    from msgq.dead import DeadLetters


class Client:
    """An opened store, or several. Get one from msgq.connect(url); it is a context manager.

    url: of one store, or the name it has in the settings. urls: a mapping of names to URLs, for
    several transports, "default" among them. What names no transport means the one that
    `queue_transports` says for its queue, else the default one; at(name) is the client of one.
    Settings are those of msgq.config, for all transports; unknown ones and bad URLs raise
    ConfigError at once.
    """

    transport_name = DEFAULT
    """The name of its own transport among several."""

    def __init__(self, url: str | None = None, *, urls: Any = None, **settings: Any) -> None:
        check_names(settings)
        check_urls(url, urls)
        # fixed after construction
        self._url = url
        self._urls = urls
        self._settings = settings
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._pid = os.getpid()
        # guarded by _lock while opening and closing; read without it
        self._command_line: dict[str, Any] = {}
        self._config: Config | None = None
        self._engine: Engine | None = None
        self._store_name: str | None = None  # None: not opened yet
        self._is_closed = False
        self._meter = Meter()
        self._bridges: weakref.WeakKeyDictionary[Any, Bridge] = weakref.WeakKeyDictionary()
        self._before_close: list[Callable[[float], None]] = []
        self._branches: dict[str, Branch] = {}  # guarded by _lock; made when first asked for

    def __repr__(self) -> str:
        said = self._url or (self._urls or {}).get(DEFAULT) or "url of the settings"
        place = str(self._config.url) if self._config else mask(said)
        return f"{type(self).__name__}({place})"

    @property
    def config(self) -> Config:
        """Every setting with its value and origin. Raises ConfigError listing all that is wrong."""
        if self._config is None:
            self._config = resolve(self._url, self._settings, self._command_line, urls=self._urls)
        return self._config

    @property
    def transport(self) -> str:
        """Which kind of transport the URL chose: memory, sync, sqlite, postgresql."""
        return self.config.url.scheme

    @property
    def transports(self) -> tuple[str, ...]:
        """The names of its transports, the default one first."""
        return tuple(self.config.urls)

    def at(self, transport: str) -> Client:
        """Gives the client of one transport; itself for the default one. ConfigError: unknown."""
        if transport == self.transport_name:
            return self
        if transport not in self.config.urls:
            refuse_transport(transport, self.config.urls)
        with self._lock:
            found = self._branches.get(transport)
            if found is None:
                found = self._branches[transport] = Branch(self, transport)
                found._is_closed = self._is_closed
            return found

    @property
    def _root(self) -> Client:
        """Whom interpreter exit closes, and rules are declared on."""
        return self

    def _all(self) -> list[Client]:
        """Gives the client of each transport, the default one first."""
        return [self.at(name) for name in self.transports]

    def _home_of(self, queue: str) -> str:
        """Gives the name of the transport that a queue lives on where none is said."""
        config = self.config
        if config.is_one:
            return DEFAULT
        home: str = config["queue_transports"].get(queue, DEFAULT)
        return home

    @property
    def is_open(self) -> bool:
        """True from first use to close, of one of its transports at least."""
        is_own = self._engine is not None and not self._is_closed
        return is_own or any(each.is_open for each in self._branches.values())

    def configure(self, **settings: Any) -> None:
        """Sets what a command line says: it wins over every other layer. Before first use only.

        The settings are those of all its transports, url= is that of the default one.
        """
        check_names(settings, "command line")
        branches = list(self._branches.values())
        if any(each._engine is not None for each in (self, *branches)):
            raise ClosedError("the store is open already; its settings can change no more")
        self._command_line.update(settings)
        for each in (self, *branches):
            each._config = None

    def open(self) -> Self:
        """Opens its stores now, not at first use. Raises ConfigError, SchemaError, StoreError."""
        if self._is_closed:
            raise ClosedError(f"{self} is closed; make a new one")
        for each in self._all():
            each._opened()
        return self

    def _opened(self) -> Engine:
        engine = self._engine
        return self._open() if engine is None else engine

    def _open(self) -> Engine:
        with self._lock:
            if self._is_closed:
                raise ClosedError(f"{self} is closed; make a new one")
            if self._pid != os.getpid():
                self._pid = os.getpid()  # declared before the fork, opened first in the child
            if self._engine is None:
                _lifecycle.register(self._root)  # first: exit waits for an open on its way
                engine = self._make_engine()
                self._store_name = engine.store_name()
                self._engine = engine
                self._tell_log()
            return self._engine

    def _make_engine(self) -> Engine:
        """Opens the store; of several each error names the transport."""
        config = self.config
        if config.is_one:
            return self._prepared(open_engine(config, self._closing))
        from msgq._named import NamedEngine, name_transport

        try:
            engine = self._prepared(open_engine(config, self._closing))
        except MsgqError as error:
            name_transport(error, self.transport_name)
            raise
        return cast("Engine", NamedEngine(engine, self.transport_name))

    def _prepared(self, engine: Engine) -> Engine:
        """Gives the engine, with what an app has to add to it."""
        return engine

    def close(self, timeout: Duration | None = None) -> bool:
        """Ends workers, waits up to `timeout` for what is on its way, closes its stores.

        True when nothing was left behind. Safe twice and from any thread; what is called later
        raises ClosedError.
        """
        self._closing.set()  # whoever waits for the store to come gives up
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            branches = list(self._branches.values())
        if was_closed:
            return True
        for each in branches:
            each._closing.set()
        opened = [each for each in (self, *branches) if each._engine is not None]
        if not opened or opened[0]._pid != os.getpid():
            for each in branches:
                each._is_closed = True
            return True  # inherited through a fork: the parent's to close
        known = self.config["close_timeout"]
        seconds = known if timeout is None else parse_duration(timeout, "timeout")
        for before in list(self._before_close):
            before(seconds)
        deadline = time.monotonic() + seconds
        is_all_done = True
        for client in (self, *branches):
            is_all_done &= client._close_own(max(0.0, deadline - time.monotonic()))
        return is_all_done

    def _close_own(self, seconds: float) -> bool:
        """Closes the one store that is its own."""
        with self._lock:
            self._is_closed, engine = True, self._engine
        _lifecycle.forget(self)
        if engine is None:
            return True
        is_all_done = engine.close(seconds)
        self._tell_log()
        return is_all_done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def queue(self, name: str, *, transport: str | None = None) -> Queue:
        """Gives a handle; the queue is created on first use.

        transport: where it lives, unless `queue_transports` says so. Raises ConfigError: a bad
        name, a transport that nobody named.
        """
        known = self._config
        if known is not None and known.is_one and transport is None:
            return Queue(self, name)
        return self._queue_at(name, transport)

    def _queue_at(self, name: str, transport: str | None) -> Queue:
        """Gives a handle of one of several stores, or one from before the settings are read."""
        if transport is not None:
            return Queue(self.at(transport), name)
        made = Queue(self, name)
        if type(self) is not Branch:
            home = Later(lambda: self.at(self._home_of(name)), self)
            home.stand_in(made, "_client")
            home.stand_in(made._sender, "client")
        return made

    def transaction(self, *, transport: str | None = None) -> Transaction:
        """Gives a transaction: what is sent and settled in its block happens as one, or not at all.

        `with client.transaction():`, or `async with`. transport: of which store, the default one
        unless given. The block's end is durable; it raises LeaseLostError, QueueFullError,
        DuplicateError, StoreError when nothing happened, and StoreInDoubtError. Not to be nested.
        On sync:// the handlers run at the end of the block, one after the other.
        """
        from msgq.atomic import Transaction

        return Transaction(self if transport is None else self.at(transport))

    # --- looking and administering ---

    def stats(self, *, with_depth: bool = True) -> Stats:
        """Gives a snapshot, cheap enough each second; rates are those since the last call here.

        Of all its transports; each queue's figures name theirs, the rest is told of each in
        `others`.
        """
        first, *rest = self._all()
        own = first._stats(with_depth)
        return (
            joined(own, {each.transport_name: each._stats(with_depth) for each in rest})
            if rest
            else own
        )

    def _stats(self, with_depth: bool) -> Stats:
        self._tell_log()
        return self._meter.read(self._opened().stats(with_depth), self.transport_name)

    def audit(self) -> list[QueueAudit]:
        """Counts every message of every queue of its own store and holds that against the figures.

        For moments when nothing is sent or handled; see QueueAudit.is_conserved. Raises StoreError.
        """
        from msgq.audit import audit

        return audit(self)

    def queues(self) -> list[str]:
        """Gives the names of all queues of its stores, each once; stats() tells which has them."""
        return sorted({name for each in self._all() for name in each._opened().queues()})

    def _own_queues(self) -> list[Queue]:
        """Gives the queues of its own store, wherever the settings say that they live."""
        return [Queue(self, name) for name in self._opened().queues()]

    def dead(self, limit: int = 50, *, after: str = "") -> list[Message]:
        """Gives up to `limit` dead letters of all queues, oldest first, behind a cursor.

        Of its own store: those of another transport are at(name).dead().
        """
        return [Message(each) for each in self._opened().dead("", after, limit)]

    def dead_letters(self, queue: str | None = None, **criteria: Unpack[Criteria]) -> DeadLetters:
        """Gives the dead letters that fit, of one queue or all: to walk, count, redrive, delete.

        Criteria are handler=, error=, reason=, text=, since=, until=, limit=, after=; see
        msgq.dead. Without a queue those of its own store, else of the queue's. Raises ConfigError
        for one that cannot be meant; reads nothing yet.
        """
        from msgq.dead import DeadLetters, make_filter

        where = self if queue is None else self.at(self._home_of(queue))
        return DeadLetters(where, make_filter(queue, criteria))

    def import_dead_letters(self, lines: Iterable[bytes], *, queue: str | None = None) -> int:
        """Enqueues what DeadLetters.export wrote as new messages; gives how many.

        In the order of the lines, with new ids and fresh counts, into `queue` or where each was.
        Raises PayloadError naming the first bad line; what stood before it may be enqueued by then.
        msgq.dead_import.check_lines looks first.
        """
        from msgq.dead_import import Importer

        return Importer(self if queue is None else self.at(self._home_of(queue)), queue).send(lines)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copies its own store to a new file while it runs. UnsupportedError: memory, sync."""
        self._opened().backup(str(Path(path)))

    # --- for the other modules ---

    def _bridge(self) -> Bridge:
        """Gives the running event loop's bridge to this client's engine."""
        import asyncio

        loop = asyncio.get_running_loop()
        found = self._bridges.get(loop)
        if found is None:
            from msgq._bridge import make_bridge

            found = self._bridges[loop] = make_bridge(self._opened(), self.config)
        return found

    def _acks(self) -> Acks:
        """Gives this client's way into users' transactions."""
        from msgq._ack import Acks

        return Acks(self._opened(), self)

    def _tell_log(self) -> None:
        """Hands what the core logged to the logger of msgq."""
        if self._engine is not None:
            for level, text in self._engine.drain_log():
                _lifecycle.logger().log(level, "%s", text)


class Branch(Client):
    """One of several transports of a client: opened by itself, closed with its trunk."""

    def __init__(self, trunk: Client, name: str) -> None:
        super().__init__()
        self.transport_name = name
        self._trunk = trunk
        self._settings = trunk._settings

    def __repr__(self) -> str:
        return f"{type(self._trunk).__name__}({self.transport_name}: {self.config.url})"

    @property
    def config(self) -> Config:
        """Every setting with its value and origin; those of its own URL among them."""
        if self._config is None:
            trunk = self._trunk
            self._config = resolve(
                trunk._url, trunk._settings, trunk._command_line, urls=trunk._urls,
                transport=self.transport_name,
            )  # fmt: skip
        return self._config

    def at(self, transport: str) -> Client:
        """Gives its trunk's client of that transport."""
        return self if transport == self.transport_name else self._trunk.at(transport)

    @property
    def _root(self) -> Client:
        return self._trunk

    def _all(self) -> list[Client]:
        return [self]

    def _home_of(self, _queue: str) -> str:
        return self.transport_name

    def _prepared(self, engine: Engine) -> Engine:
        return self._trunk._prepared(engine)


def connect(url: str | None = None, *, urls: Any = None, **settings: Any) -> Client:
    """Opens a store, or several, and gives the client.

    Raises ConfigError, UnsupportedError, StoreError.
    """
    return Client(url, urls=urls, **settings).open()
