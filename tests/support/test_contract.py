"""The line that a run of the contract ends with counts what the reports say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.contract import ELSEWHERE, FAULT, OPEN, STORE, store_of, summary


def report(outcome: Any, why: str = "", **notes: str) -> pytest.TestReport:
    """What pytest would report of a test, expected to fail for that reason if there is one."""
    place = ("tests/contract/test_x.py", 1, "test_x")
    made = pytest.TestReport(
        "x", place, {}, outcome, None, "call", user_properties=list(notes.items())
    )
    if why:
        made.wasxfail = f"reason: {why}"
    return made


def test_what_is_kept_open_known_and_broken_is_counted() -> None:
    reports = {
        "passed": [report("passed"), report("passed", **{ELSEWHERE: "N5"})],
        "xfailed": [
            report("skipped", f"{OPEN}dedup"),
            report("skipped", f"{OPEN}ordered keys"),
            report("skipped", f"{OPEN}ordered keys"),
            report("skipped", f"{FAULT}it forgets"),
        ],
        "failed": [report("failed")],
        "error": [],
    }
    assert summary(reports) == (
        "2 kept (1 in benchmarks), 3 open (ordered keys 2, dedup 1), 1 at fault, 1 BROKEN"
    )


def test_nothing_is_said_of_what_there_is_none_of() -> None:
    reports: dict[str, list[pytest.TestReport]] = {
        "passed": [report("passed")], "xfailed": [], "failed": [], "error": [],
    }  # fmt: skip
    assert summary(reports) == "1 kept, 0 open"


def test_only_tests_of_the_contract_have_a_store() -> None:
    assert store_of(report("passed", **{STORE: "sqlite"})) == "sqlite"
    assert store_of(report("passed")) == ""
