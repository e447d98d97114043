"""The one table of settings: name, kind, default, range and meaning of each; docs are made from it.

Plain values; any thread. Those marked `core` go to the engine under the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal[
    "count", "bytes", "duration", "choice", "flag", "weights", "ratio", "name", "url", "queue",
    "transports",
]  # fmt: skip
_YEAR: Final = 366 * 86_400.0
_COUNT_MAX: Final = 10**9
_BYTES_MAX: Final = 2**40


@dataclass(frozen=True)
class Setting:
    """One knob. `least` and `most` bound numbers (durations in seconds); `choices` words."""

    name: str
    kind: Kind
    default: Any
    meaning: str
    least: float = 0
    most: float = 0
    choices: tuple[str, ...] = ()
    is_core: bool = False

    @property
    def unit(self) -> str:
        """What its number counts, for tables made for people."""
        units = {"count": "", "bytes": "bytes", "duration": "seconds", "ratio": ""}
        return units.get(self.kind, "")


def _count(name: str, default: int, meaning: str, least: int = 0, most: int = _COUNT_MAX,
           core: bool = True) -> Setting:  # fmt: skip
    return Setting(name, "count", default, meaning, least, most, is_core=core)


def _bytes(name: str, default: int, meaning: str, least: int = 1) -> Setting:
    return Setting(name, "bytes", default, meaning, least, _BYTES_MAX, is_core=True)


def _time(name: str, default: float, meaning: str, least: float = 0.0, most: float = _YEAR,
          core: bool = True) -> Setting:  # fmt: skip
    return Setting(name, "duration", default, meaning, least, most, is_core=core)


def _choice(name: str, choices: tuple[str, ...], meaning: str, core: bool = False) -> Setting:
    return Setting(name, "choice", choices[0], meaning, choices=choices, is_core=core)


_TABLE: Final = (
    # intake
    _count("inflight_count_max", 20_000, "messages on their way into the store at once", 1),
    _bytes("inflight_bytes_max", 64 << 20, "bytes on their way into the store at once"),
    _choice("overflow", ("block", "raise", "drop"), "what enqueue does when those are full", True),
    _time("overflow_wait", 30.0, "how long overflow=block blocks before QueueFullError"),
    _time("enqueue_timeout", 30.0, "total time of retries of one write; then failed or in doubt"),
    _time("linger", 0.0, "how long a lone message may wait for company", most=60.0),
    _count("batch_count_max", 1_000, "messages in a block", 1, 100_000),
    _bytes("batch_bytes_max", 256 << 10, "bytes in a block"),
    _count("flush_count_max", 16, "blocks in one commit", 1, 10_000),
    _bytes("message_bytes_max", 10 << 20, "bytes of one body"),
    _choice("durability", ("sync", "os"), "sync survives a power cut, os only the process", True),
    # memory:// only
    _count("store_count_max", 0, "memory://: messages stored at most; 0 is no bound"),
    Setting("store_bytes_max", "bytes", 0,
            "memory://: bytes stored at most, with dedup ids; 0 is no bound", 0, _BYTES_MAX,
            is_core=True),
    # leases and claims
    _time("lease", 30.0, "how long a claim holds without renewal", 0.1, 86_400.0),
    _time("lease_max", 12 * 3600.0, "no delivery is renewed beyond this", 0.1),
    _count("claim_size", 0, "messages a claim; 0: what slots finish in about 5 ms", 0, 100_000),
    _count("prefetch", 0, "messages held beyond free slots; 0: likewise", 0, 1_000_000),
    _count("crashes_max", 3, "crashes of a message's own before it is a dead letter", 1, 1_000),
    _time("priority_aging", 600.0, "waiting so long counts as one priority more; 0: strictly by "
          "priority", 0.0, 86_400.0),
    _choice("expired", ("drop", "dead"), "what becomes of messages whose ttl is over before they "
            "are run: gone and counted, or dead letters", True),
    _time("dead_retention", 0.0, "dead letters that died so long ago are removed, by any process "
          "that is idle; 0: kept"),
    _time("poll_min", 0.001, "shortest pause between looks for work when no hint came", 0.0, 60.0),
    _time("poll_max", 1.0, "longest pause between looks for work when no hint came", 0.001, 3600.0),
    _time("busy_timeout", 60.0, "how long another program may hold the store's write lock", 0.0),
    Setting("strict_queues", "flag", False, "an unknown queue is an error, not created",
            is_core=True),
    # postgresql:// only
    Setting("schema", "name", "msgq", "postgresql://: the schema that holds the tables",
            is_core=True),
    Setting("create_schema", "flag", True, "postgresql://: make and upgrade the tables at start",
            is_core=True),
    _count("lanes", 16, "postgresql://: lanes of a queue that processes which send spread over; "
           "1 keeps one order for all", 1, 64),
    _choice("pgbouncer", ("auto", "on", "off"),
            "postgresql://: is a pooler in transaction mode in between? 1 is on, 0 is off", True),
    Setting("read_url", "url", "", "postgresql://: a replica, for looks that may be seconds old",
            is_core=True),
    _time("read_staleness_max", 10.0, "postgresql://: a replica further behind is not asked", 1.0,
          86_400.0),
    _time("connect_timeout", 5.0, "postgresql://: how long one try to connect may take, for each "
          "host of the URL", 0.1, 3600.0),
    _time("start_wait", 0.0, "postgresql://: how long opening waits for a server that is away",
          core=False),
    _count("pool_size", 5, "postgresql://: connections of a process at most: writers, one for "
           "presence, the rest for looks", 3, 1_000),
    _count("writers", 2, "postgresql://: 2: producers wait for no settle; 1: one connection does "
           "everything", 1, 2),
    _time("pool_wait", 5.0, "postgresql://: how long a look waits for a connection", 0.001, 3600.0),
    _time("idle_timeout", 600.0, "postgresql://: a connection for looks that was not used for so "
          "long is closed; 0: never"),
    _time("max_age", 3600.0, "postgresql://: an older connection is made anew at its next use; 0: "
          "never"),
    _time("health_interval", 30.0, "postgresql://: a connection that was not used for so long is "
          "tried before use"),
    # worker
    _count("concurrency", 8, "handler threads of a worker", 1, 10_000, core=False),
    _count("async_concurrency", 1_000, "async handlers in flight at once", 1, 100_000, core=False),
    _count("processes", 1, "worker processes of app.run()", 1, 1_000, core=False),
    _choice("queue_order", ("fair", "strict", "weighted"), "which queue is served first"),
    Setting("queue_weights", "weights", {}, "share of each queue for queue_order=weighted"),
    _time("grace", 30.0, "how long a stopping worker waits for running handlers", core=False),
    _time("handler_timeout", 0.0, "time of a handler that says none; 0: no bound", core=False),
    _choice("unknown_handler", ("wait", "dead"), "a message whose handler this worker lacks"),
    _time("unknown_delay_max", 60.0, "longest pause before such a message is looked at again",
          0.001, core=False),
    # retry defaults of handlers without a policy
    _count("max_attempts", 5, "failures before a message is a dead letter", 1, 1_000_000, False),
    _time("retry_base", 1.0, "wait before the second attempt; then twice as long", core=False),
    _time("retry_cap", 300.0, "longest wait between attempts", core=False),
    Setting("retry_jitter", "ratio", 0.2, "share of the wait that is random", 0, 1),
    _choice("attempt_detail", ("trace", "text", "class"), "what a failed attempt keeps of its "
            "error: also the end of its trace; class and text; the class alone"),
    # transactions
    Setting("hold_sends", "flag", True, "what a handler sends is held until its message is done, "
            "and dropped when it fails; handlers may say otherwise"),
    # several transports, routing
    Setting("queue_transports", "transports", {}, "which transport each queue lives on; default "
            "for those not named"),
    _count("hops_max", 100, "times that a message's handler may send one by rules, its handler the "
           "next, and so on, before UnroutableError ends it; 0: no bound", core=False),
    Setting("unroutable", "queue", "raise", "what app.enqueue does when no rule fits: raise; dead: "
            "a dead letter in the queue named unroutable; else the queue of that name"),
    # dedup
    _time("dedup_window", 86_400.0, "how long a dedup id is remembered whose call says no unique=",
          0.001, core=False),
    # the rest
    Setting("sync_raise", "flag", False, "sync://: enqueue raises what the handler raised"),
    _time("close_timeout", 10.0, "how long close waits for what is on its way", core=False),
)  # fmt: skip

SETTINGS: Final[dict[str, Setting]] = {each.name: each for each in _TABLE}
"""All settings by name, in the order of the docs."""

PROFILES: Final[dict[str, dict[str, Any]]] = {
    "throughput": {
        "inflight_count_max": 100_000, "inflight_bytes_max": 256 << 20, "batch_count_max": 2_000,
        "batch_bytes_max": 1 << 20, "flush_count_max": 32,
    },
    "latency": {"batch_count_max": 200, "flush_count_max": 4, "poll_max": 0.1},
    "low-resource": {
        "inflight_count_max": 1_000, "inflight_bytes_max": 16 << 20, "batch_count_max": 200,
        "concurrency": 2, "async_concurrency": 100, "poll_max": 5.0, "writers": 1, "pool_size": 3,
    },
    "test": {
        "lease": 5.0, "retry_base": 0.0, "retry_jitter": 0.0, "poll_max": 0.05, "concurrency": 2,
        "grace": 5.0, "close_timeout": 5.0, "durability": "os", "unknown_delay_max": 0.05,
    },
}  # fmt: skip
"""Settings each profile sets together; anything said explicitly wins over them."""
