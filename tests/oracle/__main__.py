"""`python -m tests.oracle FOLDER`: judge the histories of a run and print the four numbers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.oracle.history import read_histories
from tests.oracle.verdict import Limits, judge


def main() -> int:
    """Exit 0 when good, 1 when not."""
    parser = argparse.ArgumentParser(prog="oracle", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--duplicated-max", type=int, default=None)
    parser.add_argument("--recovered-max", type=int, default=None)
    parser.add_argument("--attempts-max", type=int, default=None)
    given = parser.parse_args()
    history = read_histories(given.folder)
    limits = Limits(
        duplicated_max=given.duplicated_max,
        recovered_max=given.recovered_max,
        attempts_max=given.attempts_max,
    )
    verdict = judge(history, limits)
    print(verdict.text())
    print(f"{history.broken_lines} last lines cut off by kills")
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
