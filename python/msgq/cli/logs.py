"""Logging of the worker command: the one place where msgq sets logging up. Lines go to stderr."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import Any, Final

import msgq
from msgq._urls import DEFAULT
from msgq.errors import ClosedError, ConfigError, StoreError
from msgq.stats import QueueDepth, QueueTraffic

LEVELS: Final = ("debug", "info", "warning", "error")
_log: Final = logging.getLogger("msgq.worker")
# counts of QueueTraffic that a line of stats has; those that are 0 are left out
_COUNTS: Final = (
    "enqueued", "persisted", "failed", "dropped", "duplicates", "in_flight",
    "claimed", "done", "retried", "snoozed", "dead", "lost", "held",
)  # fmt: skip


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, process, text, and what was given as `data`."""

    def format(self, record: logging.LogRecord) -> str:
        """Gives the line."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {
            "at": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "text": record.getMessage(),
        }
        data = getattr(record, "data", None)
        if data is not None:
            line["data"] = data
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up_logging(level: str, *, as_json: bool) -> None:
    """Sends log lines of `level` and above to stderr. Raises ConfigError for an unknown level."""
    if level not in LEVELS:
        raise ConfigError(f"--log-level must be one of {', '.join(LEVELS)}, got {level!r}")
    stream = logging.StreamHandler()
    plain = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"
    stream.setFormatter(JsonLines() if as_json else logging.Formatter(plain))
    logging.basicConfig(level=level.upper(), handlers=[stream], force=True)


@contextmanager
def stats_logged(client: msgq.Client, interval: float | None) -> Iterator[None]:
    """Logs one structured line of the client's stats every `interval` seconds; None: never."""
    if not interval:
        yield
        return
    is_over = threading.Event()

    def log_until_over() -> None:
        with suppress(ClosedError):
            while not is_over.wait(interval):
                log_stats(client)

    thread = threading.Thread(target=log_until_over, name="msgq-log-stats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def log_stats(client: msgq.Client) -> None:
    """Logs one line: what this process did in each queue, what waits, memory and threads."""
    try:
        stats = client.stats()
    except StoreError as error:
        _log.warning("no stats: %s", error)
        return
    queues: dict[str, dict[str, Any]] = {
        _label(depth): {
            "waiting": depth.waiting,
            "parked": depth.parked,
            "leased": depth.leased,
            "dead": depth.dead,
            "oldest_age_s": round(depth.oldest_age, 3),
        }
        for depth in stats.depth
    }
    for traffic in stats.traffic:
        queues.setdefault(_label(traffic), {})["process"] = {
            **{name: getattr(traffic, name) for name in _COUNTS if getattr(traffic, name)},
            "done_rate": round(traffic.done_rate, 1),
        }
    data = {
        "queues": queues,
        "memory_bytes": stats.process.memory_bytes,
        "threads": stats.process.threads,
        "store_bytes": stats.store.store_bytes,
        "flushes": stats.store.flushes,
    }
    _log.info("stats %s", json.dumps(data, ensure_ascii=False), extra={"data": data})


def _label(figures: QueueDepth | QueueTraffic) -> str:
    """The queue's name, and its transport's unless that is the default one."""
    is_default = figures.transport == DEFAULT
    return figures.queue if is_default else f"{figures.queue} ({figures.transport})"
