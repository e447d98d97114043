"""The table of CI's parts in docs/CONTRIBUTING.md is the list in .ci/run, and fits CI's hour."""

from __future__ import annotations

import re

from tests.tidy.tree import ROOT

HOUR_MIN = 60
RUN = re.compile(r"^part (\S+) (\d+) ", re.MULTILINE)
TOLD = re.compile(r"^\| (\S+) \|.*\| (\d+) \|$", re.MULTILINE)


def budgets(pattern: re.Pattern[str], text: str) -> dict[str, int]:
    return {name: int(minutes) for name, minutes in pattern.findall(text)}


def test_the_table_says_what_runs() -> None:
    told_text = (ROOT / "docs/CONTRIBUTING.md").read_text().partition("## What CI runs")[2]
    run, told = budgets(RUN, (ROOT / ".ci/run").read_text()), budgets(TOLD, told_text)
    total = told.pop("all")
    assert told == run
    assert total == sum(run.values()) <= HOUR_MIN
