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
from typing import Any

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Setting:
    """How long and where to measure. Each run gets a folder name of its own inside `folder`."""

    folder: Path
    seconds: float = 3.0
    runs: int = 5
    profile: str = ""


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
        took = time.monotonic() - start
        tell(f"{case.number} {case.name}: run {number + 1} of {setting.runs}, {took:.0f} s")
    return results
