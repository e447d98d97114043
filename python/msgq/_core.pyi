"""The C++ core as Python sees it: flat calls, plain lists, integers of milliseconds where said.

Bodies and headers are bytes; verdicts and contents are small integers (VERDICT_*, CONTENT_*).
Calls that may wait release the GIL and look for signals every 100 ms.
"""

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Final

VERDICT_ACK: Final = 0
VERDICT_RETRY: Final = 1
VERDICT_SNOOZE: Final = 2
VERDICT_REJECT: Final = 3
VERDICT_LEAVE: Final = 4

CONTENT_BYTES: Final = 0
CONTENT_JSON: Final = 1
CONTENT_MSGPACK: Final = 2
CONTENT_TEXT: Final = 3

PENDING: Final = 0
PERSISTED: Final = 1
DUPLICATE: Final = 2
FAILED: Final = 3
IN_DOUBT: Final = 4
DROPPED: Final = 5

__version__: str

# (index, verdict, delay_ms, reason, record): record is one attempt as a JSON object, or b"".
Decision = tuple[int, int, int, str, bytes]
# (queue, state, id, type, content, headers, body, deliveries, failures, crashes, history,
#  enqueued_ms, due_ms, reason, changed_ms, cursor, priority, expires_ms, key, once); id is 16
#  bytes, cursor opaque text, an empty key none, once as dedup.Terms encodes it
Found = tuple[
    str, str, bytes, str, int, bytes, bytes, int, int, int, bytes, int, int, str, int, str, int,
    int, str, bytes,
]  # fmt: skip
# (id, type, content, headers, body, attempt, failures, crashes, history, enqueued_ms, gen,
#  priority, expires_ms, key)
DeliveryFields = tuple[
    bytes, str, int, bytes, bytes, int, int, int, bytes, int, int, int, int, str
]  # fmt: skip

class Waker:
    """A readable descriptor for an event loop; tokens posted by C++ come out in one go."""

    def __init__(self) -> None: ...
    def fileno(self) -> int: ...
    def drain(self) -> list[int]: ...

class Receipt:
    """Of one parcel: `count` messages with consecutive ids."""

    @property
    def count(self) -> int: ...
    @property
    def status(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    def id(self, index: int = 0) -> bytes:
        """Of a duplicate: that of the earlier message."""
    def status_of(self, index: int) -> int: ...
    def wait(self, timeout: float | None) -> bool:
        """Seconds (None: for ever). True when settled."""
    def error(self) -> BaseException | None:
        """The exception that tells why it failed or is in doubt; None otherwise."""
    def notify(self, waker: Waker, token: int) -> None: ...
    @property
    def end(self) -> int:
        """Once settled: where its rest begins, which is settled by itself; else count."""
    @property
    def rest(self) -> Receipt | None: ...

class Kept:
    """A parcel kept back until Engine.commit."""

    @property
    def receipt(self) -> Receipt: ...
    def drop(self, why: str) -> None:
        """It was not sent: its receipt fails with RolledBack."""

class Run:
    """Calls of a handler, one for each message of a lot; made by Lot.run."""

    def go(self) -> object:
        """True: all are done. False: `halt` is not empty. Else the outcome that the message before
        the present place returned. Raises what the handler raised; go again for the rest."""
    def __length_hint__(self) -> int:
        """How many messages were not begun yet."""

class Lot:
    """Messages handed to one slot at once."""

    @property
    def queue(self) -> str: ...
    @property
    def channel(self) -> int: ...
    @property
    def type(self) -> str:
        """Of the first message; of all when is_uniform."""
    @property
    def content(self) -> int: ...
    @property
    def is_uniform(self) -> bool: ...
    @property
    def is_lost(self) -> bool: ...
    @property
    def has_followers(self) -> bool:
        """Whether some are of the same key as the one before them."""
    def hold_up(self, index: int) -> None:
        """Those that follow a message in a row, of its key, are not to be run before it."""
    def end_acks(self, first: int, end: int) -> list[int]:
        """From now on Engine.begin_ack refuses these. For which of them it was called before."""
    def reopen_acks(self, index: int) -> None:
        """Takes end_acks back."""
    def __len__(self) -> int: ...
    def bodies(self) -> list[bytes]: ...
    def fields(self, index: int) -> DeliveryFields: ...
    def run(
        self,
        call: Callable[..., object],
        unpack: Callable[[bytes], tuple[object, ...]] | None,
        halt: list[str],
        outcome: builtins.type[object],
        gives_index: bool,
    ) -> Run:
        """Calls call(*unpack(body)), call(body) without unpack, or call(body, index)."""

class Worker:
    """A registration with the engine; opaque."""

class Engine:
    def __init__(self, options: dict[str, object]) -> None:
        """Opens the store. Keys are those of config.h (Config), durations in milliseconds."""
    # producers
    def enqueue(
        self,
        queue: str,
        type: str,
        content: int,
        body: bytes,
        headers: bytes | None = None,
        due_ms: int = 0,
        priority: int = 5,
        expires_ms: int = 0,
        key: str = "",
        once: bytes = b"",
        on_duplicate: int = 0,
    ) -> Receipt: ...
    def enqueue_many(
        self,
        queue: str,
        type: str,
        content: int,
        bodies: Sequence[bytes],
        headers: bytes | None = None,
        due_ms: int = 0,
        headers_each: Sequence[bytes | None] | None = None,
        priority: int = 5,
        expires_ms: int = 0,
        keys: str | Sequence[str] | None = None,
        onces: bytes | Sequence[bytes] | None = None,
        on_duplicate: int = 0,
    ) -> list[Receipt]:
        """Cut into parcels of batch_count_max messages and batch_bytes_max bytes at most; with a
        key for each in the order of by_shard()."""
    def enqueue_wait(
        self,
        queue: str,
        type: str,
        content: int,
        body: bytes,
        headers: bytes | None = None,
        due_ms: int = 0,
        priority: int = 5,
        expires_ms: int = 0,
        key: str = "",
        once: bytes = b"",
        on_duplicate: int = 0,
    ) -> bytes:
        """Enqueues one message and waits until it is settled: its 16 bytes of id, then one byte of
        status (PERSISTED, DUPLICATE or DROPPED). Raises what receipt.error() would be. The hot path
        of one by one: no receipt object is built; the GIL is released only if it must wait."""
    def putter(self, queue: str, type: str, content: int) -> Callable[[bytes], bytes]:
        """Gives enqueue_wait for bodies of one kind: the quickest way in."""

    def try_enqueue(
        self,
        queue: str,
        type: str,
        content: int,
        bodies: Sequence[bytes],
        headers: bytes | None = None,
        due_ms: int = 0,
        headers_each: Sequence[bytes | None] | None = None,
        priority: int = 5,
        expires_ms: int = 0,
        keys: str | Sequence[str] | None = None,
        onces: bytes | Sequence[bytes] | None = None,
        on_duplicate: int = 0,
        is_loose: bool = False,
    ) -> Receipt | None:
        """One parcel (at most batch_count_max messages), never blocking: None where it would block.
        What event loops call. is_loose: of several calls, so that a part of it may be stored."""
    # several things as one
    def keep(
        self,
        queue: str,
        type: str,
        content: int,
        bodies: Sequence[bytes],
        headers: bytes | None = None,
        due_ms: int = 0,
        headers_each: Sequence[bytes | None] | None = None,
        priority: int = 5,
        expires_ms: int = 0,
        keys: str | Sequence[str] | None = None,
        onces: bytes | Sequence[bytes] | None = None,
        on_duplicate: int = 0,
    ) -> list[Kept]:
        """As enqueue_many, but nothing is stored before commit()."""
    def commit(
        self,
        parts: Sequence[tuple[Lot, Sequence[Decision | int]]],
        kept: Sequence[Kept],
        wait: float,
        is_patient: bool,
    ) -> Receipt:
        """Stores and settles all of it in one exchange, or nothing; see engine.h. `wait`: seconds
        for room."""
    # workers
    def open_worker(
        self,
        channels: Sequence[tuple[str, str, int, int, float, bool]],
        order: str,
        weights: dict[str, int],
        slots: int,
    ) -> Worker:
        """channels: (queue, type or "*", concurrency, batch_count, batch_wait s, is_async)."""
    def take(self, worker: Worker, timeout: float, is_async: bool = False) -> Lot | None: ...
    def watch(self, worker: Worker, waker: Waker) -> None: ...
    def settle(self, lot: Lot, decisions: Sequence[Decision]) -> None:
        """What is not named is acknowledged. Keeps the GIL: one lock-free push."""
    def settle_some(
        self, lot: Lot, decisions: Sequence[Decision | int], again: bool = False
    ) -> None:
        """Settles the named ones alone; a bare index is acknowledged. again: of a failed commit."""
    def stop_worker(self, worker: Worker) -> None: ...
    def give_back(self, lot: Lot) -> None: ...
    # raw claims
    def claim(self, queue: str, count: int, wait: float, lease: float) -> Lot | None: ...
    def settle_now(self, lot: Lot, decisions: Sequence[Decision]) -> Receipt: ...
    def extend(self, lot: Lot, lease: float) -> Receipt: ...
    # acknowledging in transactions of the user's own
    def begin_ack(self, lot: Lot, index: int) -> tuple[int, int, int, int, int]:
        """(subscription, lane, gen, owner, place): names the message to the function ack()."""
    def await_ack(self, lot: Lot, index: int) -> None:
        """Settles a message of a raw claim once its transaction is seen to be committed."""
    def bar(self, lot: Lot, indexes: Sequence[int]) -> list[int]:
        """What became of each: 1 done, 2 barred from now on, 3 a transaction is still open."""
    # looking and administering
    def has_due(self) -> bool:
        """Whether some parked message is due and did not go back into its queue yet."""
    def stats(self, with_depth: bool = True, is_fresh: bool = False) -> dict[str, object]:
        """The Snapshot of stats.h as plain dicts and lists, same names."""
    def depth(self) -> list[dict[str, object]]:
        """The `depth` of stats() alone."""
    def store_name(self) -> str:
        """Gives what tells a store that users' transactions reach from others; else ""."""
    def queues(self) -> list[str]: ...
    def peek(self, queue: str, after: str, limit: int) -> list[Found]: ...
    def find(self, queue: str, id: bytes) -> Found | None: ...
    def dead(self, queue: str, after: str, limit: int) -> list[Found]: ...
    def redrive(self, queue: str, ids: Sequence[bytes]) -> int: ...
    def delete_dead(self, queue: str, ids: Sequence[bytes]) -> int: ...
    def edit_dead(self, queue: str, id: bytes, changes: Mapping[str, bytes], redrives: bool) -> int:
        """`changes` has body, headers (encoded), both or neither; how many letters of that id."""
    def cancel(self, queue: str, ids: Sequence[bytes]) -> int:
        """Parked messages; how many of these."""
    def reschedule(self, queue: str, ids: Sequence[bytes], due_ms: int) -> int: ...
    def purge(self, queue: str) -> int: ...
    def settings(self, queue: str) -> dict[str, int]:
        """is_paused, max_length (0: none), overflow (as in config.h), overflow_wait_ms, is_topic,
        retention_ms.
        """
    def alter(self, queue: str, changes: Mapping[str, int], creates: bool = False) -> None:
        """Some of them; `creates`: where there is no such queue."""
    def delete_queue(self, queue: str) -> None: ...
    def rename_queue(self, queue: str, name: str) -> None: ...
    def subscribe(self, queue: str, name: str, at: int, time_ms: int, id: bytes) -> bool:
        """False: it was there. `at`: as Start::At."""
    def seek(self, subscription: str, at: int, time_ms: int, id: bytes) -> int: ...
    def backup(self, path: str) -> None: ...
    def drain_log(self) -> list[tuple[int, str]]: ...
    def failure(self) -> BaseException | None:
        """Why the store was given up and nothing goes any more; None while all is well."""
    def close(self, timeout: float) -> bool: ...
    @property
    def is_closed(self) -> bool: ...

def set_errors(classes: dict[str, type[BaseException]]) -> None:
    """Called once by msgq.errors: code name (as in error.h, without k) to class."""

def by_shard(
    keys: Sequence[str], onces: bytes | Sequence[bytes] | None = None
) -> tuple[list[int], list[int]]:
    """In which order enqueue_many sends messages with these keys, and where shards end in it."""

def all_bytes(items: list[object]) -> bool:
    """True when every item is of the class bytes itself."""

def validate_queue_name(name: str) -> None: ...
def new_id() -> bytes: ...
def sqlite_library() -> str:
    """Path of the SQLite library the core is linked with, as the dynamic loader knows it."""

def schema_version(options: dict[str, object]) -> tuple[int, int]:
    """Of a database: the version in it, 0 for nothing yet, and the one this msgq makes."""

def upgrade_schema(options: dict[str, object]) -> None: ...
def remove_schema(options: dict[str, object]) -> None: ...
def schema_text(options: dict[str, object]) -> str:
    """The statements of upgrade_schema on an empty database; asks no server."""

def grant_roles(
    options: dict[str, object],
    producers: list[str],
    workers: list[str],
    viewers: list[str],
    runs: bool,
) -> list[str]:
    """The statements that give roles what they need; run when `runs`."""

def server_facts(options: dict[str, object]) -> list[tuple[str, str]]: ...
def build_facts() -> str: ...
