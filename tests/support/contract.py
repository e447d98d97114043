"""A plugin: which stores the contract of tests/contract runs over, and what it says of each.

`--msgq-url` names a store of somebody's own, once or more; without it those of this repository are
taken. Tests leave a note of their store and of what is measured elsewhere among the properties of
their reports; the line at the end is made of these alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

STORE = "contract on"
ELSEWHERE = "measured by"
OPEN = "open: waits for "
FAULT = "fault: "


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("msgq").addoption(
        "--msgq-url",
        action="append",
        default=[],
        metavar="URL",
        help="run tests/contract on this store instead of msgq's own (repeatable)",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says a line for each store that the contract ran on."""
    told = {
        result: [each for each in terminalreporter.stats.get(result, []) if store_of(each)]
        for result in ("passed", "xfailed", "failed", "error")
    }
    stores = dict.fromkeys(store_of(each) for reports in told.values() for each in reports)
    for store in stores:
        mine = {
            result: [each for each in reports if store_of(each) == store]
            for result, reports in told.items()
        }
        terminalreporter.write_line(f"contract on {store}: {summary(mine)}")


def store_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The store whose contract a report is of; nothing for other tests, or none yet."""
    return str(dict(getattr(report, "user_properties", ())).get(STORE, ""))


def summary(reports: dict[str, list[pytest.TestReport]]) -> str:
    """How many statements are kept, open and broken."""
    kept = reports["passed"]
    elsewhere = sum(ELSEWHERE in dict(each.user_properties) for each in kept)
    reasons = [str(each.wasxfail).removeprefix("reason: ") for each in reports["xfailed"]]
    waiting = [each.removeprefix(OPEN) for each in reasons if each.startswith(OPEN)]
    faults = sum(each.startswith(FAULT) for each in reasons)
    parts = [f"{len(kept)} kept" + _bracketed([f"{elsewhere} in benchmarks"] * bool(elsewhere))]
    parts += [f"{len(waiting)} open{_bracketed(_counted(waiting))}"]
    broken = len(reports["failed"]) + len(reports["error"])
    parts += [f"{faults} at fault"] * bool(faults) + [f"{broken} BROKEN"] * bool(broken)
    return ", ".join(parts)


def _counted(words: Iterable[str]) -> list[str]:
    return [f"{word} {count}" for word, count in Counter(words).most_common()]


def _bracketed(words: list[str]) -> str:
    return f" ({', '.join(words)})" if words else ""
