"""Which stores each test runs on, found out without running it: docs/features.md is made of this.

    python -m tests.support.collected tests/python/test_keys.py    a line each: store, test

A test whose statement is still open (it calls waits_for) is left out, as it shows nothing. Those of
C++ are read from the sources of the conformance suite, so that nothing has to be built for it.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
STORES: Final = ("memory", "sqlite", "postgresql", "pgbouncer", "sync")
UNSAID: Final = "-"
Tests = dict[str, set[str]]
"""The stores of each test, by its name: none where the test itself opens one."""

_WORLDS: Final = {"file": "sqlite", "postgres": "postgresql"}  # of tests/system
_FIXTURES: Final = {
    "pooler": "pgbouncer",
    "postgres_server": "postgresql",
    "own_postgres": "postgresql",
    "file_world": "sqlite",
    "app_url": "memory",
}
_LISTS: Final = {
    "MSGQ_CONFORMANCE(": STORES[:4],
    "direct_store_cases(": STORES[:3],
    "durable_store_cases(": STORES[1:4],
    "hearing_store_cases(": STORES[1:3],
}


class _Listing:
    """A plugin that prints the tests it finds."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if isinstance(item, pytest.Function) and "waits_for(" not in inspect.getsource(
                item.obj
            ):
                name = item.nodeid.removeprefix("tests/").partition("[")[0]
                print(f"\n{store_of(item)}\t{name}", end="")
        print()


def store_of(item: pytest.Function) -> str:
    """The store a test runs on, by its parameters, else by its fixtures."""
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    for value in params:
        said = value[0] if isinstance(value, tuple) and value else value
        name = str(said).partition("://")[0]
        if (name := _WORLDS.get(name, name)) in STORES:
            return name
    return next((store for name, store in _FIXTURES.items() if name in item.fixturenames), UNSAID)


def python_tests(paths: Iterable[str]) -> Tests:
    """Tests of those files, named by their ids without "tests/" and parameters."""
    command = [sys.executable, "-m", "tests.support.collected", *sorted(paths)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode:
        raise ValueError(f"{' '.join(command)}:\n{told.stdout[-2000:]}{told.stderr[-2000:]}")
    found: Tests = {}
    for line in told.stdout.splitlines():
        store, tab, name = line.partition("\t")
        if tab:
            found.setdefault(name, set()).update({store} - {UNSAID})
    return found


def core_tests() -> Tests:
    """Tests of the conformance suite, named as GoogleTest does, without the instantiation."""
    found: Tests = {}
    for path in sorted((ROOT / "tests/cpp/conformance").glob("*_test.cpp")):
        text = path.read_text("utf-8")
        for fixture, name in re.findall(r"^TEST_P\((\w+), (\w+)\)", text, re.MULTILINE):
            found[f"{fixture}.{name}"] = _stores_of(fixture, text)
    return found


def _stores_of(fixture: str, text: str) -> set[str]:
    """The stores over which a fixture is instantiated."""
    calls = re.findall(
        r"^(?:MSGQ_CONFORMANCE|INSTANTIATE_TEST_SUITE_P)\([^;]*;", text, re.MULTILINE
    )
    made = next((call for call in calls if re.search(rf"\b{fixture}\b", call)), "")
    return {store for call, stores in _LISTS.items() if call in made for store in stores}


if __name__ == "__main__":
    options = ["--collect-only", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    sys.exit(pytest.main([*options, *sys.argv[1:]], plugins=[_Listing()]))
