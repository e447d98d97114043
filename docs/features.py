"""Makes features.md of features.toml, of the transports' capability records, and of the tests that
show each feature on each store.

A row is [what it is, the call, tests, and a table of what is not as the rest of its part says].
Tests are patterns, with spaces between them: of Python by file and function, of C++ by suite and
name; `@sync` behind one says on which store it is where the test itself opens one. Without tests
a row is *not built yet*; with tests each store needs one, or a word why not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.collected import STORES, Tests, core_tests, python_tests
from tests.tidy.capabilities import CELL, PAGE, records, table
from tests.tidy.tree import repository

TABLE = Path(__file__).with_name("features.toml")
POSTGRES = "cpp/src/transport/postgres/postgres_transport.cpp"
Capabilities = dict[str, dict[str, str]]
"""Of each store a mark for each field of its record: ✔, ✘ or a word."""


class Row(NamedTuple):
    """A feature. Each of the tables below says why, by store."""

    what: str
    call: str
    tests: tuple[str, ...]
    needs: str  # the field of the capability record, if it has one
    absent: dict[str, str]
    emulated: dict[str, str]
    later: tuple[str, ...]  # the stores for which it is to be built


def rows_of(part: dict[str, Any]) -> Iterator[Row]:
    """The rows of a part, with what the part says for all of them."""
    for what, call, tests, *others in part["rows"]:
        own = {**part, **(others[0] if others else {})}
        yield Row(
            what, call, tuple(tests.split()), own.get("needs", ""), own.get("absent", {}),
            own.get("emulated", {}), tuple(own.get("later", ())),
        )  # fmt: skip


def shown_on(row: Row, tests: Tests) -> tuple[set[str], list[str]]:
    """The stores on which tests show a feature, and the patterns that fit no test."""
    stores: set[str] = set()
    missing = []
    for pattern in row.tests:
        name, _, store = pattern.partition("@")
        found = [where for test, where in tests.items() if fnmatchcase(test, name)]
        stores = stores.union(*found, {store} - {""} if found else ())
        missing += [f"no test is called {name}"] * (not found)
    return stores, missing


def cells(row: Row, tests: Tests, can: Capabilities) -> tuple[list[str], list[str]]:
    """What the page says of a feature on each store, and what is wrong with its row."""
    shown, wrong = shown_on(row, tests)
    out = []
    for store in STORES:
        is_able = can[store].get(row.needs, "✔" if not row.needs else "missing")
        if why := row.absent.get(store):
            out.append(f"*not offered*: {why}")
            wrong += [f"{store} is able to ({row.needs})"] * bool(row.needs and is_able == "✔")
        elif not row.tests or store in row.later:
            out.append("*not built yet*")
        else:
            why = row.emulated.get(store)
            out.append(f"*emulated*: {why}" if why else "*works*")
            wrong += [f"no test shows it on {store}"] * (store not in shown)
            wrong += [f"{store}'s {row.needs} is {is_able}"] * (is_able != "✔" and not why)
    return out, [f"{row.what!r}: {each}" for each in wrong]


def capabilities() -> Capabilities:
    """The records, that behind a pooler, and for sync:// the table people read."""
    tree = repository()
    found: Capabilities = {**records(tree), "sync": table({PAGE: tree[PAGE]})["sync"]}
    pooled = re.search(r"Capability kPooled = .*?\}\(\);", tree[POSTGRES], re.DOTALL)
    less = re.findall(r"out\.(\w+) = (true|false);", pooled[0] if pooled else "")
    others = {name: CELL[value] for name, value in less}
    return {**found, "pgbouncer": {**found["postgresql"], **others}}


def tests_of(rows: Iterable[Row]) -> Tests:
    """The tests of all files that rows name, and those of C++."""
    files = {pattern.partition("::")[0] for row in rows for pattern in row.tests}
    return python_tests(f"tests/{each}" for each in files if each.endswith(".py")) | core_tests()


def features_page(head: str) -> str:
    """The page. Raises ValueError, naming every row that says more than tests show."""
    toml: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    parts = [(part, [*rows_of(part)]) for part in toml.loads(TABLE.read_text("utf-8"))["part"]]
    tests, can = tests_of(row for _, rows in parts for row in rows), capabilities()
    built = [bool(row.tests) for _, rows in parts for row in rows]
    lines, wrong = [head, f"{sum(built)} of {len(built)} are built.\n"], []
    for part, rows in parts:
        guide = f" See [{part['guide']}]({part['guide']})." if "guide" in part else ""
        lines += [f"## {part['title']}\n\n{part['about']}{guide}\n", _line(HEAD), _line(RULE)]
        for row in rows:
            said, bad = cells(row, tests, can)
            wrong += bad
            shown = " ".join(f"`{each}`" for each in row.tests)
            lines.append(_line([row.what, f"`{row.call}`" if row.call else "", *said, shown]))
        lines.append("")
    if wrong:
        raise ValueError("docs/features.toml:\n" + "\n".join(wrong))
    return "\n".join(lines)


HEAD = ["feature", "call", "memory", "SQLite", "PostgreSQL", "PgBouncer", "sync", "shown by"]
RULE = ["---"] * len(HEAD)


def _line(parts: list[str]) -> str:
    return f"| {' | '.join(part.replace('|', chr(92) + '|') for part in parts)} |"
