"""Which settings of the server matter: each of them changed alone, beside the server as it was.

make bench-pg ARGS="--only settings"       not part of a run that names nothing
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from benchmarks.database import Database
from benchmarks.harness import Case, Figures, Row, Setting
from benchmarks.postgres_cases import KINDS, PACE, database_of, workload

# What they say of themselves is in PostgreSQL's documentation; those that lose messages are here
# to tell what that would buy.
CHANGES: tuple[Mapping[str, str], ...] = (
    {"shared_buffers": "128MB"},
    {"max_wal_size": "1GB"},
    {"wal_buffers": "64MB"},
    {"wal_compression": "on"},
    {"wal_level": "logical"},
    {"commit_delay": "100", "commit_siblings": "1"},
    {"autovacuum": "off"},
    {"autovacuum_naptime": "5s"},
    {"max_connections": "1000"},
    {"work_mem": "256MB", "effective_cache_size": "16GB"},
    {"track_io_timing": "on", "track_functions": "all"},
    {"log_min_duration_statement": "0"},
    {"synchronous_commit": "off"},
    {"full_page_writes": "off"},
)


@contextlib.contextmanager
def changed(database: Database, settings: Mapping[str, str]) -> Iterator[None]:
    """Have the server run with these settings; afterwards as it was."""
    database.alter(settings)
    try:
        yield
    finally:
        database.alter(dict.fromkeys(settings))


def both_loads(setting: Setting) -> Figures:
    """In and out at once by thousands, and 32 threads that enqueue one by one."""
    flow = workload("flow", {**PACE, **KINDS["N3"], "window": 4, "block": 1000})(setting)
    threads = workload("singles", {"threads": 32})(setting)
    return {"flow": flow["both"], "threads": threads["per_s"]}


def cases() -> list[Case]:
    """A case for each change."""
    return [case_of(change) for change in CHANGES]


def case_of(change: Mapping[str, str]) -> Case:
    name = ", ".join(f"{key}={value}" for key, value in change.items())

    def measure(setting: Setting) -> Figures:
        with changed(database_of(setting), change):
            return both_loads(setting)

    rows = [
        Row(f"{name}: calls of 1,000", "flow", "msg/s", "flow"),
        Row(f"{name}: 32 threads", "threads", "msg/s", "threads"),
    ]
    question = f"the server with {name}, in and out at once, and 32 threads one by one"
    return Case("settings", name, question, measure, rows, both_loads, "the server as it was")
