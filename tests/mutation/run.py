"""Plants each fault of the table in a copy of the sources and asks the C++ suite to find it.

`python tests/mutation/run.py [NAME...]`: builds the suite once as it is (it must pass), then once
for each fault (it must fail). Prints a table; exits 1 when a fault was not found.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.mutation.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "mutation"
FILTER = "*Conformance*:Simulator.*:SqliteSession.*:InDoubt.*"
SUITE_S = 400


def copy_sources() -> None:
    """Bring the copy up to date; files that did not change keep their time and their objects."""
    COPY.mkdir(parents=True, exist_ok=True)
    for name in ("CMakeLists.txt", "CMakePresets.json", "pyproject.toml"):
        _copy(ROOT / name, COPY / name)
    for folder in ("cpp", "tests/cpp", "tests/support"):
        wanted = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        for path in wanted:
            _copy(ROOT / path, COPY / path)
        for path in (COPY / folder).rglob("*"):
            if path.is_file() and path.relative_to(COPY) not in wanted:
                path.unlink()


def _copy(source: Path, target: Path) -> None:
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def build() -> None:
    """Build the suite of the copy; ends when it does not compile: the table is out of date."""
    if not (COPY / "build" / "dev" / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "dev"], cwd=COPY, check=True, capture_output=True)
    command = ["cmake", "--build", "--preset", "dev", "--target", "msgq_tests"]
    done = subprocess.run(command, cwd=COPY, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"the copy does not build:\n{done.stdout[-3000:]}")


def first_failure() -> str:
    """Run the suite up to its first failure; gives that test's name, "" when all passed."""
    programs = list((COPY / "build" / "dev").rglob("msgq_tests"))
    command = [str(programs[0]), f"--gtest_filter={FILTER}", "--gtest_fail_fast",
               "--gtest_brief=1"]  # fmt: skip
    try:
        done = subprocess.run(command, cwd=COPY, capture_output=True, text=True, timeout=SUITE_S)
    except subprocess.TimeoutExpired:
        return "(the suite hangs)"
    if done.returncode == 0:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith("[  FAILED  ]")]
    return failed[0].split()[3].rstrip(",") if failed else f"(ended with {done.returncode})"


def planted(mutation: Mutation) -> str:
    """Plant one fault, build, run, take it out again; gives the test that found it."""
    before = {edit.path: (COPY / edit.path).read_text() for edit in mutation.edits}
    try:
        for edit in mutation.edits:
            text = (COPY / edit.path).read_text()
            if text.count(edit.old) != 1:
                raise SystemExit(f"{mutation.name}: {edit.old!r} stands not once in {edit.path}")
            (COPY / edit.path).write_text(text.replace(edit.old, edit.new))
        build()
        return first_failure()
    finally:
        for path, text in before.items():
            (COPY / path).write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *(each.name for each in MUTATIONS)])
    names = parser.parse_args().names
    copy_sources()
    build()
    if failed := first_failure():
        raise SystemExit(f"the suite fails as it is: {failed}")
    print(f"{'fault':<24}{'found by':<56}{'s':>5}  guard taken out")
    missed = 0
    for mutation in MUTATIONS:
        if names and mutation.name not in names:
            continue
        began = time.monotonic()
        found = planted(mutation)
        missed += not found
        spent = time.monotonic() - began
        print(f"{mutation.name:<24}{found or 'NOT FOUND':<56}{spent:>5.0f}  {mutation.guard}",
              flush=True)  # fmt: skip
    print(f"{missed} faults were not found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
