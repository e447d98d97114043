"""Client: a store opened by URL. Queues, figures and administration hang on it; App builds on it.

Any thread. The store is opened at first use and closed by close(), `with`, or interpreter exit.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgq import _lifecycle
from msgq._engine import open_engine
from msgq._url import mask, parse_url
from msgq.config import Config, check_names, resolve
from msgq.duration import Duration, parse_duration
from msgq.errors import ClosedError
from msgq.message import Message
from msgq.queue import Queue
from msgq.stats import Meter, Stats

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from msgq._ack import Acks
    from msgq._bridge import Bridge
    from msgq._core import Engine
    from msgq._dead_filter import Criteria
    from msgq.audit import QueueAudit
    from msgq.dead import DeadLetters


class Client:
    """An opened store. Get one from msgq.connect(url); it is a context manager.

    Settings are those of msgq.config; unknown ones and bad URLs raise ConfigError at once.
    """

    def __init__(self, url: str | None = None, **settings: Any) -> None:
        check_names(settings)
        if url is not None:
            parse_url(url)
        # fixed after construction
        self._url = url
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

    def __repr__(self) -> str:
        place = str(self._config.url) if self._config else mask(self._url or "url of the settings")
        return f"{type(self).__name__}({place})"

    @property
    def config(self) -> Config:
        """Every setting with its value and origin. Raises ConfigError listing all that is wrong."""
        if self._config is None:
            self._config = resolve(self._url, self._settings, self._command_line)
        return self._config

    @property
    def transport(self) -> str:
        """Which transport the URL chose: memory, sync, sqlite."""
        return self.config.url.scheme

    @property
    def is_open(self) -> bool:
        """True from first use to close."""
        return self._engine is not None and not self._is_closed

    def configure(self, **settings: Any) -> None:
        """Sets what a command line says: it wins over every other layer. Before first use only."""
        check_names(settings, "command line")
        if self._engine is not None:
            raise ClosedError("the store is open already; its settings can change no more")
        self._command_line.update(settings)
        self._config = None

    def open(self) -> Self:
        """Opens the store now, not at first use. Raises ConfigError, SchemaError, StoreError."""
        if self._is_closed:
            raise ClosedError(f"{self} is closed; make a new one")
        self._opened()
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
                _lifecycle.register(self)  # first: exit waits for an open on its way
                engine = open_engine(self.config, self._closing)
                self._store_name = engine.store_name()
                self._engine = engine
                self._tell_log()
            return self._engine

    def close(self, timeout: Duration | None = None) -> bool:
        """Ends workers, waits up to `timeout` for what is on its way, closes the store.

        True when nothing was left behind. Safe twice and from any thread; what is called later
        raises ClosedError.
        """
        self._closing.set()  # whoever waits for the store to come gives up
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            engine = self._engine
        if was_closed or engine is None:
            return True
        if self._pid != os.getpid():
            return True  # inherited through a fork: the parent's to close
        known = self.config["close_timeout"]
        seconds = known if timeout is None else parse_duration(timeout, "timeout")
        for before in list(self._before_close):
            before(seconds)
        _lifecycle.forget(self)
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

    def queue(self, name: str) -> Queue:
        """Gives a handle; the queue is created on first use. ConfigError for a bad name."""
        return Queue(self, name)

    # --- looking and administering ---

    def stats(self, *, with_depth: bool = True) -> Stats:
        """Gives a snapshot, cheap enough each second; rates are those since the last call here."""
        self._tell_log()
        return self._meter.read(self._opened().stats(with_depth))

    def audit(self) -> list[QueueAudit]:
        """Counts every message of every queue and holds that against the figures.

        For moments when nothing is sent or handled; see QueueAudit.is_conserved. Raises StoreError.
        """
        from msgq.audit import audit

        return audit(self)

    def queues(self) -> list[str]:
        """Gives the names of all queues of the store."""
        return self._opened().queues()

    def dead(self, limit: int = 50, *, after: str = "") -> list[Message]:
        """Gives up to `limit` dead letters of all queues, oldest first, behind a cursor."""
        return [Message(each) for each in self._opened().dead("", after, limit)]

    def dead_letters(self, queue: str | None = None, **criteria: Unpack[Criteria]) -> DeadLetters:
        """Gives the dead letters that fit, of one queue or all: to walk, count, redrive, delete.

        Criteria are handler=, error=, reason=, text=, since=, until=, limit=, after=; see
        msgq.dead. Raises ConfigError for one that cannot be meant; reads nothing yet.
        """
        from msgq.dead import DeadLetters, make_filter

        return DeadLetters(self, make_filter(queue, criteria))

    def import_dead_letters(self, lines: Iterable[bytes], *, queue: str | None = None) -> int:
        """Enqueues what DeadLetters.export wrote as new messages; gives how many.

        In the order of the lines, with new ids and fresh counts, into `queue` or where each was.
        Raises PayloadError naming the first bad line; what stood before it may be enqueued by then.
        msgq.dead_import.check_lines looks first.
        """
        from msgq.dead_import import Importer

        return Importer(self, queue).send(lines)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copies the store to a new file while it runs. UnsupportedError for memory and sync."""
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


def connect(url: str | None = None, **settings: Any) -> Client:
    """Opens a store and gives its client. Raises ConfigError, UnsupportedError, StoreError."""
    return Client(url, **settings).open()
