"""What no source may say, each with what to say instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.tidy.tree import Tree, cpp_code, cpp_strings, lines_matching, python_code, under


@dataclass(frozen=True)
class Ban:
    """One banned thing: where, what, what to use instead, and the files that are its home."""

    where: tuple[str, ...]
    pattern: str
    instead: str
    homes: tuple[str, ...] = ()


CPP = ("cpp/",)
CPP_AND_TESTS = ("cpp/", "tests/cpp/")
CORE = ("cpp/src/",)
PYTHON = ("python/msgq/",)
PYTHON_TESTS = ("tests/",)

CPP_BANS = (
    Ban(
        CPP,
        r"std::(recursive_|timed_|shared_)?mutex\b"
        r"|std::(lock_guard|unique_lock|scoped_lock|condition_variable)\b",
        "Mutex, MutexLock, CondVar of base/mutex.h, which clang's analysis reads",
        ("cpp/src/base/mutex.h",),
    ),
    Ban(
        CPP,
        r"std::(cout|cerr|clog)\b|\bf?printf\s*\(|\bputs\s*\(",
        "base/log.h",
        ("cpp/src/base/check.cpp",),
    ),
    Ban(CPP, r"(?<![_\w])assert\s*\(", "MSGQ_CHECK or MSGQ_DCHECK of base/check.h"),
    Ban(
        CPP_AND_TESTS,
        r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(",
        "an Event or the Clock; tests advance the fake clock or await a test signal",
    ),
    Ban(
        CORE,
        r"\b(system_clock|steady_clock|high_resolution_clock)::now\b"
        r"|\bclock_gettime\s*\(|\btime\s*\(\s*(NULL|nullptr|0)",
        "the injected Clock",
        ("cpp/src/base/clock.cpp",),
    ),
    Ban(
        CORE,
        r"std::random_device\b|std::mt19937|\bs?rand\s*\(|\bgetrandom\s*\(",
        "the injected Random",
        ("cpp/src/base/random.cpp",),
    ),
    Ban(
        CORE,
        r"std::(jthread|thread|async)\b",
        "a Service given to the Runtime",
        ("cpp/src/base/runtime.cpp",),
    ),
    Ban(CPP, r"\.detach\s*\(", "a thread that is joined"),
    Ban(CPP, r"\bgetenv\s*\(", "a setting handed over in Config"),
    Ban(CPP, r"\busing namespace\b", "the name with its namespace"),
    Ban(
        CPP_AND_TESTS,
        r"\b(GTEST_SKIP|DISABLED_)",
        "a test that runs",
        # Where no server is installed; in CI that fails.
        ("tests/cpp/support/pg_server.h",),
    ),
    Ban(("cpp/", "cpp/sql/"), r"(?i)\b(job|consumer)s?\b", "the glossary's word (message, worker)"),
)

PYTHON_BANS = (
    Ban(
        PYTHON,
        r"\btime\.time\(|\bdatetime\.now\(\)|\butcnow\(",
        "time.monotonic() or the engine's clock",
    ),
    Ban(PYTHON, r"\bimport (pickle|marshal|shelve)\b", "the codec; pickle runs code it is given"),
    Ban(
        PYTHON,
        r"\bos\.(environ|getenv)\b",
        "msgq.config, the one reader of the environment",
        # The supervisor hands its environment on to the processes it starts.
        ("python/msgq/config.py", "python/msgq/supervisor.py"),
    ),
    Ban(
        PYTHON,
        r"\b(basicConfig|addHandler)\(",
        "nothing: logging is set up by the worker command alone",
        ("python/msgq/cli/logs.py",),
    ),
    Ban(PYTHON, r"(?i)\b(job|consumer)s?\b", "the glossary's word (message, worker)"),
    Ban(
        PYTHON_TESTS,
        r"\btime\.sleep\(|\basyncio\.sleep\((?!0\))",
        "a wait for the thing itself: an event, a receipt, a line of output",
    ),
    Ban(
        PYTHON_TESTS,
        r"\bpytest\.(mark\.)?(skip|skipif|xfail)\b|\bimportorskip\(",
        "a test that runs",
        # Where no server is installed; in CI that fails. And where a statement is still open.
        ("tests/support/postgres_fixtures.py", "tests/contract/verdicts.py"),
    ),
)

# A file may break one ban where the rule itself has to: (path, part of the line) to the reason.
EXCEPTIONS: dict[tuple[str, str], str] = {}

SQL = re.compile(
    r"\bSELECT\b[^.]*\bFROM\b|\bINSERT\s+(OR\s+\w+\s+)?INTO\b|\bUPDATE\s+\w+\s+SET\b"
    r"|\bDELETE\s+FROM\b|\bPRAGMA\s+\w+|\b(BEGIN|COMMIT|ROLLBACK)\s+(IMMEDIATE|EXCLUSIVE|TO)\b"
    r"|\b(CREATE|DROP|ALTER)\s+(TEMP\s+|UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\b|\bVACUUM\b",
    re.IGNORECASE | re.DOTALL,
)
# Of a table in a database of the user's own, which no store of msgq has.
FOREIGN_TABLE = "python/msgq/inbox.py"
OPEN_ISSUE = re.compile(r"\bFIXME\b|\bXXX\b|\bTODO\b(?!\(#\d+\))")


def excused(path: str, line: str) -> bool:
    """Whether the table of exceptions allows this line."""
    return any(path == known and part in line for known, part in EXCEPTIONS)


def broken_bans(tree: Tree, bans: tuple[Ban, ...], *, cpp: bool) -> Iterator[str]:
    """Every line of code that says something banned."""
    suffix = (".h", ".cpp") if cpp else (".py",)
    for ban in bans:
        for path, text in under(tree, *ban.where, suffix=suffix):
            if path.startswith("tests/tidy/") or path in ban.homes:
                continue
            code = cpp_code(text) if cpp else python_code(text)
            lines = text.splitlines()
            for number, word in lines_matching(re.compile(ban.pattern), code):
                if not excused(path, lines[number - 1]):
                    yield f"{path}:{number}: {word.strip()} is banned; use {ban.instead}"


def banned_things(tree: Tree) -> list[str]:
    """Everything banned that is said in C++ or Python."""
    return [*broken_bans(tree, CPP_BANS, cpp=True), *broken_bans(tree, PYTHON_BANS, cpp=False)]


def sql_outside_its_room(tree: Tree) -> list[str]:
    """Every string of C++ or Python that holds SQL; SQL lives in cpp/sql."""
    found = []
    for path, text in under(tree, "cpp/src/", "cpp/bindings/", suffix=(".h", ".cpp")):
        for number, content in cpp_strings(text):
            if match := SQL.search(content):
                found.append(f"{path}:{number}: {match[0].strip()}: SQL lives in cpp/sql")
    for path, text in under(tree, *PYTHON, suffix=(".py",)):
        if path == FOREIGN_TABLE:
            continue
        for number, word in lines_matching(SQL, text):
            found.append(f"{path}:{number}: {word.strip()}: SQL lives in cpp/sql")
    return found


def open_ends(tree: Tree) -> list[str]:
    """Every FIXME, and every TODO that names no issue."""
    return [
        f"{path}:{number}: {word}: finish it, or TODO(#issue)"
        for path, text in under(
            tree, "cpp/", "python/", "tests/", "benchmarks/", suffix=(".h", ".cpp", ".py", ".sql")
        )
        if not path.startswith("tests/tidy/")
        for number, word in lines_matching(OPEN_ISSUE, text)
    ]


def not_ascii(tree: Tree) -> list[str]:
    """Every line of product source with a character outside ASCII; escapes say which one it is."""
    return [
        f"{path}:{number}: {character!r} is not ASCII"
        for path, text in under(
            tree, "cpp/", "python/msgq/", suffix=(".h", ".cpp", ".py", ".pyi", ".sql")
        )
        for number, character in lines_matching(re.compile(r"[^\x00-\x7f]"), text)
    ]
