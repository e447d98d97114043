"""The tables of exceptions: each line has its reason, and the numbers may only fall."""

from __future__ import annotations

# File over its wall (style: source 500, public header 300, test 700, SQL 100) to lines and reason.
LONG_FILES: dict[str, tuple[int, str]] = {
    "cpp/sql/postgres/functions/exchange.sql": (
        128,
        "one call an exchange, whose order is the protocol",
    ),
    "tests/data/postgres_schema_1.sql": (
        1998,
        "what `msgq db sql` of version 1 printed, never edited",
    ),
    "tests/data/postgres_schema_2.sql": (
        3032,
        "what `msgq db sql` of version 2 printed, never edited",
    ),
}

# Function over 70 lines, as "path::name", to lines and reason.
LONG_FUNCTIONS: dict[str, tuple[int, str]] = {}

# Python function with more than five positional parameters, as "path::name", to count and reason.
MANY_PARAMETERS: dict[str, tuple[int, str]] = {
    "python/msgq/_run.py::HandlerRunner.__init__": (
        6,
        "the parts of one handler",
    ),
    "python/msgq/_settings.py::_count": (6, "one row of the settings table"),
    "python/msgq/_settings.py::_time": (6, "one row of the settings table"),
    "python/msgq/_sync.py::SyncEngine.enqueue_many": (7, "has the signature of _core.Engine"),
    "python/msgq/_sync.py::SyncEngine._run": (6, "takes what enqueue of _core.Engine takes"),
}

# Source without a test of its own name, to where it is tested instead.
NO_MIRROR: dict[str, str] = {
    "cpp/src/database.cpp": "tests/python/test_cli_db.py",
    "python/msgq/_engine.py": "tests/python/test_config.py and tests/python/test_sqlite_library.py",
    "python/msgq/_generate.py": "tests/python/test_signature.py compiles every kind of plan",
    "python/msgq/_inline.py": "tests/python/test_sync.py",
    "python/msgq/_loop.py": "tests/python/test_worker.py runs async handlers on it",
    "python/msgq/_run.py": "tests/python/test_worker.py runs every kind of handler",
    "python/msgq/_send.py": "tests/python/test_queue.py and tests/python/test_handler.py",
    "python/msgq/context.py": "tests/python/test_ack.py and tests/python/test_inbox.py",
    "python/msgq/message.py": "tests/python/test_client.py and tests/python/test_worker.py",
    "python/msgq/cli/options.py": "every command of tests/python/test_cli_root.py goes through it",
    "python/msgq/cli/store.py": "tests/python/test_cli_look.py, tests/python/test_cli_dead.py",
    "python/msgq/cli/show.py": "tests/python/test_cli_look.py and tests/python/test_cli_dead.py",
    "python/msgq/cli/progress.py": "tests/python/test_cli_terminal.py",
    "python/msgq/cli/sender.py": "tests/python/test_cli_enqueue.py",
    "python/msgq/cli/bench_run.py": "tests/python/test_cli_bench.py",
}
