"""Cases, alternating runs, medians and ratios: how every figure of the runner comes about.

A case has a question, a ceiling (what the machine allows) and a measurement. Both are run in turn,
ceiling first, at least five times each, so that a machine that gets slower slows both; the ratio is
the median of the ratios of neighbouring runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.database import Database

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Setting:
    """How long and where to measure. Each run gets a folder name of its own inside `folder`.

    `hold_s` is for questions about time, `backlog` (messages) for those about length; `database` is
    the server that is measured, when one is.
    """

    folder: Path
    seconds: float = 3.0
    runs: int = 5
    profile: str = ""
    hold_s: float = 20.0
    backlog: int = 1_000_000
    database: Database | None = None


class SkippedError(Exception):
    """A case cannot be asked here; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a case. `bar` is a ratio to the ceiling when there is one, else a value."""

    id: str
    value: str
    unit: str
    ceiling: str = ""
    bar: float | None = None
    less_is_better: bool = False

    def holds(self, result: float) -> bool | None:
        """Tell whether the bar is reached; None when there is none."""
        if self.bar is None:
            return None
        return result <= self.bar if self.less_is_better else result >= self.bar


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its ceiling and its measurement; `number` as in the design, e.g. N5."""

    number: str
    name: str
    question: str
    measure: Callable[[Setting], Figures]
    rows: Sequence[Row]
    ceiling: Callable[[Setting], Figures] | None = None
    ceiling_name: str = ""


@dataclass(slots=True)
class Result:
    """What the runs of one row gave."""

    case: Case
    row: Row
    values: list[float] = field(default_factory=list)
    ceilings: list[float] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)  # all that each run gave, ceiling and case

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def ceiling(self) -> float | None:
        return statistics.median(self.ceilings) if self.ceilings else None

    @property
    def ratio(self) -> float | None:
        pairs = [v / c for v, c in zip(self.values, self.ceilings, strict=False) if c]
        return statistics.median(pairs) if pairs else None

    @property
    def holds(self) -> bool | None:
        """Compare with the bar: by ratio when there is a ceiling, else by value."""
        return self.row.holds(self.value if self.ratio is None else self.ratio)

    def as_json(self) -> dict[str, Any]:
        """Give everything that a later comparison needs."""
        return {
            "id": self.row.id,
            "number": self.case.number,
            "question": self.case.question,
            "unit": self.row.unit,
            "less_is_better": self.row.less_is_better,
            "value": self.value,
            "ceiling": self.ceiling,
            "ceiling_name": self.case.ceiling_name if self.ceilings else "",
            "ratio": self.ratio,
            "bar": self.row.bar,
            "holds": self.holds,
            "values": self.values,
            "ceilings": self.ceilings,
            "figures": self.figures,
        }


def run_case(case: Case, setting: Setting, tell: Callable[[str], None]) -> list[Result]:
    """Run ceiling and measurement in turn and give one result for each row."""
    results = [Result(case, row) for row in case.rows]
    for number in range(setting.runs):
        start = time.monotonic()
        allowed = case.ceiling(setting) if case.ceiling else {}
        reached = case.measure(setting)
        for result in results:
            result.values.append(float(reached[result.row.value]))
            if result.row.ceiling:
                result.ceilings.append(float(allowed[result.row.ceiling]))
        results[0].figures += [allowed, reached]
        took = time.monotonic() - start
        proof = _proof(reached)
        tell(f"{case.number} {case.name}: run {number + 1} of {setting.runs}, {took:.0f} s{proof}")
    return results


def _proof(reached: Figures) -> str:
    """What a server counted during the run, for those who doubt that commits reach the disk."""
    if "wal_flushes" not in reached:
        return ""
    names = {"wal_flushes": "flushes", "wal_writes": "writes", "commits": "commits"}
    counted = [f"{reached[name]:,.0f} {word}" for name, word in names.items()]
    counted.append(f"{reached['wal_bytes'] / 1e6:,.0f} MB of WAL")
    counted.append(f"{reached['wal_full_pages']:,.0f} full pages")
    return f"; server: {', '.join(counted)}"
