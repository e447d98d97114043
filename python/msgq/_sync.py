"""The sync transport: enqueue runs the handler in place, with the same envelope, policy and errors.

Stores nothing: what is enqueued is handled before enqueue returns. Delays between attempts are not
waited for. Any thread runs its own messages.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from msgq._decide import ACK, REJECT, RETRY
from msgq._lifecycle import logger
from msgq._slot import Slot
from msgq.duration import now_ms
from msgq.errors import (
    ClosedError,
    ConfigError,
    PayloadError,
    QueueFullError,
    RolledBackError,
    UnsupportedError,
)
from msgq.priority import NORMAL

if TYPE_CHECKING:
    from msgq._core import Decision, DeliveryFields, Found
    from msgq.config import Config

_PERSISTED: Final = 1
_FAILED: Final = 3
_ROUNDS_MAX: Final = 1_000
_DEAD_MAX: Final = 10_000
_NO_TIMES: Final = [0] * 64
_NO_CONNECTIONS: Final = dict.fromkeys(
    ("size", "used", "idle", "waiting", "borrows", "borrow_ns", "borrow_ns_max", "connects",
     "reconnects"), 0,
)  # fmt: skip
_COUNTS: Final = (
    "enqueued", "persisted", "failed", "dropped", "duplicates", "claimed", "done", "retried",
    "snoozed", "dead", "expired", "lost", "in_flight", "held",
)  # fmt: skip
Life: TypeAlias = tuple[int, int, int, str]
"""Due, priority, expiry, key; a message runs at once, so that all but the first are only told."""
_NOW: Final[Life] = (0, NORMAL, 0, "")
Handle = Callable[["SyncEngine", "SyncLot", Slot], BaseException | None]


def _life(said: Sequence[Any]) -> Life:
    """Gives due, priority, expiry, key. Raises UnsupportedError for a dedup id."""
    if not said[1:]:
        return _NOW
    if any(said[4:5]):
        raise UnsupportedError("dedup= is not offered on sync://, which stores nothing")
    return said[0], said[1], said[2], said[3]


class SyncReceipt:
    """A receipt that is settled from the start; the shape of the core's."""

    def __init__(self, ids: list[bytes], status: int = _PERSISTED) -> None:
        self._ids = ids
        self.count = len(ids)
        self.status = status
        self.duplicates = 0
        self._error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """Settles it as failed."""
        if not self.status:
            self.status, self._error = _FAILED, error

    def id(self, index: int = 0) -> bytes:
        """Gives the 16 bytes of the id."""
        return self._ids[index]

    def status_of(self, _index: int) -> int:
        """Gives the status of one message: that of all."""
        return self.status

    def wait(self, _timeout: float | None) -> bool:
        """Is settled already."""
        return True

    def error(self) -> BaseException | None:
        """Gives why it was never run; what failed became a dead letter."""
        return self._error


class SyncRun:
    """The one call of a SyncLot; the shape of the core's Run."""

    def __init__(self, call: Callable[[], object], halt: list[str], outcome: type[object]) -> None:
        self._call = call
        self._halt = halt
        self._outcome = outcome
        self._left = 1

    def go(self) -> object:
        """Calls the handler unless it was called; gives its outcome, True, or False at a halt."""
        if not self._left:
            return True
        if self._halt:
            return False
        self._left = 0
        answer = self._call()
        return answer if isinstance(answer, self._outcome) else True

    def __length_hint__(self) -> int:
        return self._left


class SyncLot:
    """One message on its way through its handler; the shape of the core's lot."""

    channel = 0
    is_uniform = True
    has_followers = False
    is_lost = False

    def __init__(
        self, queue: str, kind: str, content: int, body: bytes, headers: bytes | None
    ) -> None:
        self.queue = queue
        self.priority = NORMAL
        self.expires_ms = 0
        self.key = ""
        self.type = kind
        self.content = content
        self.decision: Decision | None = None
        self._body = body
        self._headers = headers or b""
        self.id = new_id()
        self.enqueued_ms = now_ms()
        self.attempt = 0
        self.failures = 0
        self.records: list[bytes] = []
        self.died_ms = 0
        self.place = 0  # among the dead letters, rising with each death

    def change(self, changes: Mapping[str, bytes]) -> None:
        """Gives it another body, other headers."""
        self._body = changes.get("body", self._body)
        self._headers = changes.get("headers", self._headers)

    def __len__(self) -> int:
        return 1

    def hold_up(self, _index: int) -> None:
        """Holds up nothing behind it: it is alone."""

    def end_acks(self, _first: int, _end: int) -> list[int]:
        """Says that no transaction of the user's acknowledges it: sync:// stores nothing."""
        return []

    def bodies(self) -> list[bytes]:
        """Gives its one body."""
        return [self._body]

    def run(
        self, call: Callable[..., object], unpack: Callable[[bytes], Any] | None, halt: list[str],
        outcome: type[object], gives_index: bool,
    ) -> SyncRun:  # fmt: skip
        """Gives the call of its one message."""
        body = self._body

        def one() -> object:
            if gives_index:
                return call(body, 0)
            return call(body) if unpack is None else call(*unpack(body))

        return SyncRun(one, halt, outcome)

    @property
    def history(self) -> bytes:
        """The failed attempts as a JSON array; the first and the last ten."""
        kept = self.records if len(self.records) <= 20 else self.records[:10] + self.records[-10:]
        return b"[" + b",".join(kept) + b"]" if kept else b""

    def fields(self, _index: int) -> DeliveryFields:
        """Gives everything about it."""
        return (
            self.id, self.type, self.content, self._headers, self._body, self.attempt,
            self.failures, 0, self.history, self.enqueued_ms, self.attempt, self.priority,
            self.expires_ms, self.key,
        )  # fmt: skip

    def found(self, reason: str) -> Found:
        """Gives it as a dead letter."""
        return (
            self.queue, "dead", self.id, self.type, self.content, self._headers, self._body,
            self.attempt, self.failures, 0, self.history, self.enqueued_ms, 0, reason, self.died_ms,
            str(self.place), self.priority, self.expires_ms, self.key, b"",
        )  # fmt: skip


class SyncKept:
    """A message that is run later, or never; the shape of the core's Kept."""

    def __init__(self, run: Callable[[], object], key: bytes) -> None:
        self.receipt = SyncReceipt([key], 0)
        self.run = run

    def drop(self, why: str) -> None:
        """Never runs it."""
        self.receipt.fail(RolledBackError(why))


class SyncEngine:
    """The calls of the core's engine that make sense in place; the rest say that they do not."""

    def __init__(self, config: Config) -> None:
        # fixed after construction
        self._message_bytes_max: int = config["message_bytes_max"]
        self._raises: bool = config["sync_raise"]
        self.handle: Handle | None = None  # set by the app that owns the handlers
        # guarded by _lock
        self._lock = threading.Lock()
        self._dead: deque[SyncLot] = deque()
        self._deaths = 0
        self._reasons: dict[bytes, str] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self.is_closed = False

    # --- producers ---

    def enqueue_wait(
        self, queue: str, kind: str, content: int, body: bytes, headers: bytes | None = None,
        *life: Any,
    ) -> bytes:  # fmt: skip
        """Runs the message; gives its id and status."""
        return self._run(queue, kind, content, body, headers, _life(life)) + bytes((_PERSISTED,))

    def putter(self, queue: str, kind: str, content: int) -> Callable[[bytes], bytes]:
        """Gives enqueue_wait for bodies of one kind."""
        return partial(self.enqueue_wait, queue, kind, content)

    def enqueue(
        self, queue: str, kind: str, content: int, body: bytes, headers: bytes | None = None,
        *life: Any,
    ) -> SyncReceipt:  # fmt: skip
        """Runs the message; gives a settled receipt."""
        return SyncReceipt([self._run(queue, kind, content, body, headers, _life(life))])

    def enqueue_many(
        self, queue: str, kind: str, content: int, bodies: Sequence[bytes],
        headers: bytes | None = None, due_ms: int = 0,
        headers_each: Sequence[bytes | None] | None = None, *life: Any,
    ) -> list[SyncReceipt]:  # fmt: skip
        """Runs the messages in order; gives one settled receipt."""
        kept = self.keep(queue, kind, content, bodies, headers, due_ms, headers_each, *life)
        self.commit((), kept, 0.0, False)
        return [SyncReceipt([each.receipt.id() for each in kept])]

    def keep(
        self, queue: str, kind: str, content: int, bodies: Sequence[bytes], *rest: Any
    ) -> list[SyncKept]:
        """Keeps messages until commit() runs them, in order. `rest`: as of enqueue_many."""
        given: list[Any] = [*rest, *(None, 0, None)[len(rest) :]]
        headers, due_ms, headers_each, *life = given
        for body in bodies:
            self._check(body, due_ms)
        each = headers_each or [headers] * len(bodies)
        _, priority, expires, said = _life((due_ms, *life))
        keys = [said or ""] * len(bodies) if said is None or isinstance(said, str) else said
        lots = [SyncLot(queue, kind, content, *pair) for pair in zip(bodies, each, strict=True)]
        lives = [(due_ms, priority, expires, key) for key in keys]
        return [
            SyncKept(partial(self._run_lot, lot, life), lot.id)
            for lot, life in zip(lots, lives, strict=True)
        ]

    def commit(
        self, parts: Sequence[tuple[SyncLot, Sequence[Any]]], kept: Sequence[SyncKept],
        _wait: float, _is_patient: bool,
    ) -> SyncReceipt:  # fmt: skip
        """Notes that these are done and runs what was kept."""
        for lot, _ in parts:
            self.settle(lot, [])
        for each in kept:
            each.receipt.status = _PERSISTED
            each.run()
        return SyncReceipt([new_id()])

    def _check(self, body: bytes, due_ms: int) -> None:
        self._require_open()
        if due_ms:
            raise UnsupportedError("delay= is not possible on sync://, which runs at once")
        most = self._message_bytes_max
        if len(body) > most:
            raise PayloadError(
                f"body of {len(body)} bytes, at most {most} are allowed (message_bytes_max); "
                "nothing was enqueued"
            )

    def _require_open(self) -> None:
        if self.is_closed:
            raise ClosedError("the sync:// client is closed; make a new one")

    def _run(
        self, queue: str, kind: str, content: int, body: bytes, headers: bytes | None, life: Life
    ) -> bytes:
        self._check(body, life[0])
        return self._run_lot(SyncLot(queue, kind, content, body, headers), life)

    def _run_lot(self, lot: SyncLot, life: Life) -> bytes:
        if self.handle is None:
            raise UnsupportedError("sync:// runs handlers in place, and a client has none")
        lot.priority, lot.expires_ms, lot.key = life[1:4]
        self._count(lot.queue, "enqueued", "persisted")
        error = self._attempts(lot)
        if error is not None and self._raises:
            raise error
        return lot.id

    def _attempts(self, lot: SyncLot) -> BaseException | None:
        """Runs attempts one after the other until the message is done or dead."""
        assert self.handle is not None
        for _ in range(_ROUNDS_MAX):
            lot.attempt += 1
            lot.decision = None
            self._count(lot.queue, "claimed")
            error = self.handle(self, lot, Slot())
            _, verdict, _, reason, record = lot.decision or (0, ACK, 0, "", b"")
            if record:
                lot.records.append(record)
            if verdict == ACK:
                self._count(lot.queue, "done")
                return None
            if verdict == REJECT:
                lot.failures += 1
                self._bury(lot, reason)
                return error
            lot.failures += verdict == RETRY
            self._count(lot.queue, "retried" if verdict == RETRY else "snoozed")
        self._bury(lot, f"neither done nor given up after {_ROUNDS_MAX} attempts on sync://")
        return None

    def _bury(self, lot: SyncLot, reason: str) -> None:
        logger().error("message %s of %s is dead: %s", uuid.UUID(bytes=lot.id), lot.queue, reason)
        lot.died_ms = now_ms()
        with self._lock:
            if len(self._dead) >= _DEAD_MAX:
                raise QueueFullError(f"{_DEAD_MAX} dead letters are kept on sync://; look at them")
            self._deaths += 1
            lot.place = self._deaths
            self._dead.append(lot)
            self._reasons[lot.id] = reason
        self._count(lot.queue, "dead")

    def _count(self, queue: str, *names: str) -> None:
        with self._lock:
            counts = self._counts.setdefault(queue, dict.fromkeys(_COUNTS, 0))
            for name in names:
                counts[name] += 1

    # --- what runners call ---

    def settle(self, lot: SyncLot, decisions: Sequence[Decision]) -> None:
        """Notes what was decided."""
        lot.decision = decisions[0] if decisions else (0, ACK, 0, "", b"")

    def settle_some(
        self, lot: SyncLot, decisions: Sequence[Decision], _again: bool = False
    ) -> None:
        """Notes what was decided."""
        self.settle(lot, decisions)

    # --- looking and administering ---

    def has_due(self) -> bool:
        """Nothing is ever parked."""
        return False

    def stats(self, _with_depth: bool = True, _is_fresh: bool = False) -> dict[str, object]:
        """Gives the counters in the core's shape."""
        self._require_open()
        with self._lock:
            traffic = [
                {"queue": queue, **counts, "enqueue_ns": _NO_TIMES, "handle_ns": _NO_TIMES,
                 "age_ns": _NO_TIMES}
                for queue, counts in self._counts.items()
            ]  # fmt: skip
        return {
            "traffic": traffic, "depth": self.depth(), "flushes": 0, "flush_errors": 0, "blocks": 0,
            "bytes_in_flight": 0, "store_bytes": 0, "store_waiting_ns": 0, "replica_lag_ms": None,
            "connections": _NO_CONNECTIONS, "reclaimed": 0, "threads": 0, "flush_ns": _NO_TIMES,
        }  # fmt: skip

    def depth(self) -> list[dict[str, object]]:
        """Gives what was enqueued, done and dead; nothing ever waits."""
        self._require_open()
        with self._lock:
            dead = Counter(each.queue for each in self._dead)
            return [
                {"queue": queue, "sent": counts["enqueued"], "waiting": 0, "parked": 0,
                 "leased": 0, "done": counts["done"], "dead": dead[queue], "purged": 0,
                 "quarantined": 0, "oldest_ms": 0}
                for queue, counts in self._counts.items()
            ]  # fmt: skip

    def store_name(self) -> str:
        """Gives nothing: no transaction of a user's reaches it."""
        return ""

    def queues(self) -> list[str]:
        """Gives the queues anything was enqueued into."""
        self._require_open()
        with self._lock:
            return sorted(self._counts)

    def peek(self, _queue: str, _after: str, _limit: int) -> list[Found]:
        """Gives nothing: nothing ever waits."""
        self._require_open()
        return []

    def find(self, queue: str, key: bytes) -> Found | None:
        """Gives a dead letter; handled messages are gone."""
        return next((each for each in self.dead(queue, "", _DEAD_MAX) if each[2] == key), None)

    def dead(self, queue: str, after: str, limit: int) -> list[Found]:
        """Gives dead letters, oldest first."""
        self._require_open()
        if after and not after.isdecimal():
            raise ConfigError(f"{after!r:.60} is no cursor: pass that of a message seen before")
        with self._lock:
            lots = (
                each for each in self._dead
                if (not queue or each.queue == queue) and each.place > int(after or 0)
            )  # fmt: skip
            return [each.found(self._reasons[each.id]) for each in islice(lots, limit)]

    def redrive(self, queue: str, ids: Sequence[bytes]) -> int:
        """Runs dead letters again with fresh counts."""
        lots = self._take_dead(queue, ids)
        for each in lots:
            each.attempt = each.failures = 0
            self._attempts(each)
        return len(lots)

    def delete_dead(self, queue: str, ids: Sequence[bytes]) -> int:
        """Forgets dead letters."""
        return len(self._take_dead(queue, ids))

    def edit_dead(
        self, queue: str, key: bytes, changes: Mapping[str, bytes], redrives: bool
    ) -> int:
        """Changes dead letters, and runs them again."""
        self._require_open()
        with self._lock:
            found = [each for each in self._dead if (each.queue, each.id) == (queue, key)]
            for each in found:
                each.change(changes)
        return self.redrive(queue, [key]) if redrives else len(found)

    def _take_dead(self, queue: str, ids: Sequence[bytes]) -> list[SyncLot]:
        self._require_open()
        with self._lock:
            taken = [
                each for each in self._dead
                if (not queue or each.queue == queue) and (not ids or each.id in ids)
            ]  # fmt: skip
            for each in taken:
                self._dead.remove(each)
                del self._reasons[each.id]
        return taken

    def purge(self, _queue: str) -> int:
        """Removes nothing: nothing ever waits."""
        self._require_open()
        return 0

    def drain_log(self) -> list[tuple[int, str]]:
        """Gives nothing: it logs at once."""
        return []

    def close(self, _timeout: float) -> bool:
        """Refuses further work."""
        self.is_closed = True
        return True

    def __getattr__(self, name: str) -> NoReturn:
        said = "a worker" if name == "open_worker" else name
        raise UnsupportedError(
            f"{said} is not possible on sync://, which stores nothing: enqueue runs the handler"
        )


def new_id() -> bytes:
    """Draws an id as the core does for stored messages."""
    from msgq._engine import core

    drawn: bytes = core().new_id()
    return drawn
