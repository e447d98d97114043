"""The runner: each figure beside its ceiling, medians of alternating runs, a table, a JSON file.

make bench ARGS="--quick --only N5"        or python -m benchmarks.run --only N5 --only N8
make bench PROFILE=cpu ARGS="--only N5"    reports of perf and of threads in build/bench
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, profiling
from benchmarks.cases import all_cases
from benchmarks.harness import Case, Result, Setting, SkippedError, run_case
from benchmarks.small import run_small


def chosen(every: Sequence[Case], only: Sequence[str], excluded: Sequence[str]) -> list[Case]:
    """Cases whose number and name begin with what is wanted, whole words of it."""

    def fits(case: Case, words: Sequence[str]) -> bool:
        title = f"{case.number} {case.name} "
        return any(title.startswith(f"{word} ") for word in words)

    cases = [case for case in every if not only or fits(case, only)]
    return [case for case in cases if not fits(case, excluded)]


def number(value: float | None) -> str:
    """Give a figure with about three digits that mean something."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def print_table(results: Sequence[Result]) -> None:
    """Print value, ceiling, ratio and bar of each row."""
    print(f"\n{'row':<32}{'value':>14}{'unit':>7}{'ceiling':>14}{'ratio':>8}{'bar':>12}")
    for result in results:
        row = result.row
        verdict = {True: "ok", False: "SHORT", None: ""}[result.holds]
        print(
            f"{row.id:<32}{number(result.value):>14}{row.unit:>7}{number(result.ceiling):>14}"
            f"{number(result.ratio):>8}{number(row.bar):>12} {verdict}"
        )


def as_markdown(results: Sequence[Result]) -> str:
    """Give the table for a page."""
    lines = ["| row | value | ceiling | ratio | bar | |", "|---|---|---|---|---|---|"]
    for result in results:
        row = result.row
        verdict = {True: "ok", False: "short", None: ""}[result.holds]
        lines.append(
            f"| {row.id} | {number(result.value)} {row.unit} | {number(result.ceiling)} "
            f"| {number(result.ratio)} | {number(row.bar)} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


def as_json(results: Sequence[Result], facts: dict[str, Any], setting: Setting) -> str:
    """Give the whole run as JSON."""
    return json.dumps(
        {
            "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "machine": facts,
            "seconds": setting.seconds,
            "runs": setting.runs,
            "rows": [result.as_json() for result in results],
        },
        indent=1,
    )


def parser_of(name: str, text: str) -> argparse.ArgumentParser:
    """What every runner takes."""
    parser = argparse.ArgumentParser(prog=name, description=text)
    parser.add_argument("--only", action="append", default=[], help="N5, or N5 sqlite bytes")
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--quick", action="store_true", help="3 runs of 1 s: to look, not to quote")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--folder", type=Path, default=machine.ROOT / "build" / "bench")
    parser.add_argument("--save", type=Path, help="write the result here too")
    parser.add_argument("--list", action="store_true", help="print the questions")
    return parser


def run(cases: Sequence[Case], setting: Setting) -> tuple[list[Result], list[Case]]:
    """Run every case; gives the results, and the cases that could not be run."""
    results: list[Result] = []
    failed = []
    for case in cases:
        print(f"\n{case.number}: {case.question}?", flush=True)
        try:
            results += run_case(case, setting, lambda text: print("  " + text, flush=True))
        except subprocess.CalledProcessError as error:
            print(f"  FAILED with status {error.returncode}", flush=True)
            failed.append(case)
        except SkippedError as reason:
            print(f"  skipped: {reason}", flush=True)
        written = profiling.report(setting, case.name) if setting.profile else None
        if written:
            print(f"  profile: {written}")
    return results, failed


def setting_of(given: argparse.Namespace, **more: Any) -> Setting:
    """How long and where, from the command line and the environment."""
    profile = os.environ.get("PROFILE", "")
    if profile and profile not in profiling.KINDS:
        raise SystemExit(f"PROFILE={profile}: known are {', '.join(profiling.KINDS)}")
    given.folder.mkdir(parents=True, exist_ok=True)
    return Setting(
        folder=given.folder,
        seconds=given.seconds or (1.0 if given.quick else 3.0),
        runs=given.runs or (1 if profile else 3 if given.quick else 5),
        profile=profile,
        **more,
    )


def store(
    results: Sequence[Result], facts: dict[str, Any], setting: Setting, targets: Sequence[Path]
) -> None:
    """Print the table and write it, the last of `targets` being the page."""
    print_table(results)
    targets[-1].write_text(as_markdown(results))
    text = as_json(results, facts, setting)
    for target in targets[:-1]:
        target.write_text(text + "\n")


def main() -> int:
    """Run, print, store; 1 when a case could not be run. A bar not reached is SHORT, and 0."""
    given = parser_of("benchmarks.run", __doc__ or "").parse_args()
    cases = chosen(all_cases(), given.only, given.skip)
    has_small = "small" not in given.skip and (not given.only or "small" in given.only)
    if given.list or not (cases or has_small):
        for case in cases or all_cases():
            print(f"{case.number:<8} {case.question}?")
        print("small    codec, ids, one enqueue, receipts (pytest-benchmark)?")
        return 0 if given.list else 2
    setting = setting_of(given)
    facts = machine.describe(given.folder)
    print(json.dumps(facts))
    results, failed = run(cases, setting)
    if has_small:
        results += run_small(setting)
    saved = [given.save] if given.save else []
    store(
        results, facts, setting, [given.folder / "latest.json", *saved, given.folder / "latest.md"]
    )
    for case in failed:
        print(f"FAILED: {case.number} {case.name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
