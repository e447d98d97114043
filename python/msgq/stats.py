"""Typed figures of a client: counters of this process, depths of the store, rates, percentiles.

Frozen values; any thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from msgq._urls import DEFAULT
from msgq.message import from_ms


@dataclass(frozen=True)
class Percentiles:
    """Of durations, in seconds; None when nothing was measured. Within a factor of two."""

    count: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class QueueTraffic:
    """This process's traffic of one queue since its store was opened; rates since the last look."""

    queue: str
    enqueued: int = 0
    persisted: int = 0
    failed: int = 0
    dropped: int = 0
    duplicates: int = 0
    claimed: int = 0
    done: int = 0
    retried: int = 0
    snoozed: int = 0
    dead: int = 0
    expired: int = 0
    lost: int = 0
    in_flight: int = 0
    held: int = 0
    enqueue_rate: float = 0.0
    done_rate: float = 0.0
    enqueue_time: Percentiles = field(default_factory=Percentiles)
    handle_time: Percentiles = field(default_factory=Percentiles)
    age: Percentiles = field(default_factory=Percentiles)
    transport: str = DEFAULT


@dataclass(frozen=True)
class QueueDepth:
    """What the store holds of one queue, all processes together."""

    queue: str
    sent: int = 0
    waiting: int = 0
    parked: int = 0
    leased: int = 0
    done: int = 0
    dead: int = 0
    purged: int = 0
    quarantined: int = 0
    expired: int = 0
    cancelled: int = 0
    oldest_at: datetime | None = None
    oldest_age: float = 0.0
    transport: str = DEFAULT
    is_paused: bool = False
    source: str = ""  # of a subscription: the queue whose messages it reads

    @property
    def depth(self) -> int:
        """Messages not settled yet: waiting, parked and leased."""
        return self.waiting + self.parked + self.leased


@dataclass(frozen=True)
class ProcessFigures:
    """This process: memory in bytes, threads of all kinds, and its engine."""

    memory_bytes: int
    memory_peak_bytes: int
    threads: int
    engine_threads: int
    store_connections: int


@dataclass(frozen=True)
class ConnectionFigures:
    """This client's connections to its store. `size` bounds them; 0: nothing does.

    Looks borrow one for a call: `waiting` of them wait now, `borrows` had one, which took them
    `borrow_time` seconds in all and `borrow_time_max` at most. `connects` were made, `reconnects`
    of them after one was lost.
    """

    size: int = 0
    used: int = 0
    idle: int = 0
    waiting: int = 0
    borrows: int = 0
    borrow_time: float = 0.0
    borrow_time_max: float = 0.0
    connects: int = 0
    reconnects: int = 0


@dataclass(frozen=True)
class StoreFigures:
    """The engine's writing since it was opened, and the size of the store's files.

    `replica_lag` is how many seconds the figures may be old that a replica gave; None: they are of
    now.
    """

    flushes: int
    flush_errors: int
    blocks: int
    bytes_in_flight: int
    store_bytes: int
    store_waiting: float
    reclaimed: int
    flush_time: Percentiles
    replica_lag: float | None = None


@dataclass(frozen=True)
class Stats:
    """One snapshot. `taken_at` is monotonic seconds; `seconds` since the snapshot before."""

    taken_at: float
    seconds: float
    traffic: tuple[QueueTraffic, ...]
    depth: tuple[QueueDepth, ...]
    store: StoreFigures
    process: ProcessFigures
    connections: ConnectionFigures = ConnectionFigures()
    others: Mapping[str, Stats] = field(default_factory=dict)
    """Of a client of several transports: the snapshot of each but the default one, by its name."""

    def traffic_of(self, queue: str, transport: str | None = None) -> QueueTraffic:
        """Gives one queue's traffic; zeros when there was none.

        Of the transport named, else the first that has a queue of this name.
        """
        return _of(self.traffic, queue, transport) or QueueTraffic(queue)

    def depth_of(self, queue: str, transport: str | None = None) -> QueueDepth:
        """Gives one queue's depth; zeros for a queue the store does not know.

        Of the transport named, else the first that has a queue of this name.
        """
        return _of(self.depth, queue, transport) or QueueDepth(queue)

    def to_dict(self) -> dict[str, Any]:
        """Gives plain dicts, lists and numbers, for JSON."""
        import msgspec

        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


_Figures = TypeVar("_Figures", QueueTraffic, QueueDepth)


def _of(found: Sequence[_Figures], queue: str, transport: str | None) -> _Figures | None:
    fitting = (each for each in found if each.queue == queue)
    return next((each for each in fitting if transport in (None, each.transport)), None)


def joined(own: Stats, others: Mapping[str, Stats]) -> Stats:
    """Gives the snapshot of a client of several transports: the queues of all, its own figures."""
    each = (own, *others.values())
    return replace(
        own,
        traffic=tuple(line for stats in each for line in stats.traffic),
        depth=tuple(line for stats in each for line in stats.depth),
        others=dict(others),
    )


class Meter:
    """Turns the core's snapshots into Stats; remembers the last one to tell rates."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_at = time.monotonic()
        self._last: dict[str, tuple[int, int]] = {}

    def read(self, raw: Mapping[str, Any], transport: str = DEFAULT) -> Stats:
        """Gives the typed snapshot of the core's plain one, of the transport of that name."""
        now = time.monotonic()
        with self._lock:
            seconds = max(1e-9, now - self._last_at)
            traffic = tuple(
                self._traffic({**each, "transport": transport}, seconds) for each in raw["traffic"]
            )
            self._last_at = now
            self._last = {each.queue: (each.enqueued, each.done) for each in traffic}
        depth = tuple(depth_from({**each, "transport": transport}) for each in raw["depth"])
        return Stats(now, seconds, traffic, depth, _store(raw), _process(raw), _connections(raw))

    def _traffic(self, raw: Mapping[str, Any], seconds: float) -> QueueTraffic:
        known = {each.name for each in fields(QueueTraffic)}
        counts = {name: value for name, value in raw.items() if name in known}
        enqueued, done = self._last.get(raw["queue"], (0, 0))
        return QueueTraffic(
            **counts,
            enqueue_rate=(raw["enqueued"] - enqueued) / seconds,
            done_rate=(raw["done"] - done) / seconds,
            enqueue_time=percentiles(raw["enqueue_ns"]),
            handle_time=percentiles(raw["handle_ns"]),
            age=percentiles(raw["age_ns"]),
        )


def percentiles(buckets: Sequence[int]) -> Percentiles:
    """Reads a histogram whose bucket i counts durations below 2^i nanoseconds."""
    count = sum(buckets)
    if count == 0:
        return Percentiles()
    most = max(index for index, each in enumerate(buckets) if each)
    return Percentiles(
        count,
        _at(buckets, count * 0.50),
        _at(buckets, count * 0.95),
        _at(buckets, count * 0.99),
        2.0**most / 1e9,
    )


def _at(buckets: Sequence[int], rank: float) -> float:
    """Gives seconds at a rank, spread evenly inside its bucket."""
    below = 0
    for index, each in enumerate(buckets):
        if each and below + each >= rank:
            low = 2.0 ** (index - 1) if index else 0.0
            return (low + (2.0**index - low) * (rank - below) / each) / 1e9
        below += each
    return 0.0


def depth_from(raw: Mapping[str, Any]) -> QueueDepth:
    """Gives the typed depth of the core's plain one."""
    counts = {name: value for name, value in raw.items() if name != "oldest_ms"}
    oldest = from_ms(raw["oldest_ms"])
    age = 0.0
    if oldest is not None:
        age = max(0.0, (datetime.now(oldest.tzinfo) - oldest).total_seconds())
    return QueueDepth(**counts, oldest_at=oldest, oldest_age=age)


def _store(raw: Mapping[str, Any]) -> StoreFigures:
    return StoreFigures(
        flushes=raw["flushes"],
        flush_errors=raw["flush_errors"],
        blocks=raw["blocks"],
        bytes_in_flight=raw["bytes_in_flight"],
        store_bytes=raw["store_bytes"],
        store_waiting=raw["store_waiting_ns"] / 1e9,
        reclaimed=raw["reclaimed"],
        flush_time=percentiles(raw["flush_ns"]),
        replica_lag=None if raw["replica_lag_ms"] is None else raw["replica_lag_ms"] / 1000,
    )


def _process(raw: Mapping[str, Any]) -> ProcessFigures:
    now, peak = memory_bytes()
    return ProcessFigures(
        memory_bytes=now,
        memory_peak_bytes=peak,
        threads=_count_threads(),
        engine_threads=raw["threads"],
        store_connections=raw["connections"]["used"] + raw["connections"]["idle"],
    )


def _connections(raw: Mapping[str, Any]) -> ConnectionFigures:
    figures = dict(raw["connections"])
    return ConnectionFigures(
        borrow_time=figures.pop("borrow_ns") / 1e9,
        borrow_time_max=figures.pop("borrow_ns_max") / 1e9,
        **figures,
    )


def memory_bytes() -> tuple[int, int]:
    """Gives resident memory of this process, now and at most; (peak, peak) where /proc lacks."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak, peak
    return pages * resource.getpagesize(), peak


def _count_threads() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return threading.active_count()
