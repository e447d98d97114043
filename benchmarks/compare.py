"""Compare two results of the runner: ratios where a ceiling was measured beside, else values.

    python -m benchmarks.compare [BEFORE] [AFTER] [--worse 0.15]

BEFORE is benchmarks/baseline.json and AFTER build/bench/latest.json unless given. Exit status 1
when a row is worse by more than `--worse` (a share). Values without a ceiling compare only on one
machine, so they are shown, and judged only when the machine is the same. Nothing is judged when
either run began on a machine with more to do than it has cores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Change:
    """One row in both results. `factor` above 1 is better, whatever the unit."""

    id: str
    before: float
    after: float
    factor: float
    is_judged: bool


def changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Pair the rows that both results have."""
    known = {row["id"]: row for row in before["rows"]}
    machines = (before["machine"], after["machine"])
    same = all(machines[0][key] == machines[1][key] for key in ("processor", "cores"))
    is_quiet = all(each["load"] <= each["cores"] for each in machines)
    for row in after["rows"]:
        old = known.get(row["id"])
        if old is None:
            continue
        has_ratio = row["ratio"] is not None and old["ratio"] is not None
        key = "ratio" if has_ratio else "value"
        factor = _factor(old[key], row[key], row["less_is_better"])
        yield Change(row["id"], old[key], row[key], factor, is_quiet and (has_ratio or same))


def _factor(before: float, after: float, less_is_better: bool) -> float:
    if not before or not after:
        return 1.0
    return before / after if less_is_better else after / before


def main() -> int:
    """Print the table; 1 when something judged got worse."""
    parser = argparse.ArgumentParser(prog="compare", description=__doc__)
    parser.add_argument("before", nargs="?", default=ROOT / "benchmarks" / "baseline.json")
    parser.add_argument("after", nargs="?", default=ROOT / "build" / "bench" / "latest.json")
    parser.add_argument("--worse", type=float, default=0.15)
    given = parser.parse_args()
    before, after = (json.loads(Path(path).read_text()) for path in (given.before, given.after))
    worse = 0
    for change in changes(before, after):
        is_worse = change.is_judged and change.factor < 1 - given.worse
        worse += is_worse
        mark = "WORSE" if is_worse else "" if change.is_judged else "not judged"
        print(
            f"{change.id:<44} {change.before:>14.4g} {change.after:>14.4g} "
            f"{change.factor:>6.2f}x {mark}"
        )
    print(f"{worse} rows worse by more than {given.worse:.0%}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
