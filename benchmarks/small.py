"""The small benchmarks, bench_*.py under pytest-benchmark, as rows of the same table."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks import machine
from benchmarks.harness import Case, Figures, Result, Row, Setting


def run_small(setting: Setting) -> list[Result]:
    """Run them once each (pytest-benchmark makes its own rounds); medians in microseconds."""
    target = setting.folder / "small.json"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "benchmarks"]
    words += ["-o", "python_files=bench_*.py", "--benchmark-json", str(target)]
    words += ["--benchmark-max-time", str(min(setting.seconds, 1.0)), "--benchmark-columns=median"]
    subprocess.run(words, cwd=machine.ROOT, check=True)
    return [_as_result(found) for found in json.loads(target.read_text())["benchmarks"]]


def _as_result(found: dict[str, dict[str, float]]) -> Result:
    # The name of pytest-benchmark, without "test_".
    name = str(found["name"]).removeprefix("test_").replace("_", " ")
    row = Row(f"small {name}", "median", "us", less_is_better=True)
    case = Case("small", name, f"small: {name}", _not_here, [row])
    return Result(case, row, values=[found["stats"]["median"] * 1e6])


def _not_here(setting: Setting) -> Figures:
    raise NotImplementedError("small benchmarks are run by pytest-benchmark")
