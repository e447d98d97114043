"""`make bench PROFILE=cpu|mem`: where the time or the memory of a workload goes.

cpu: `perf record` around the workload when there is a perf that may run (its report says which
functions of core, SQLite and interpreter cost what), and always the CPU seconds of each thread.
mem: the lines of Python that hold most memory at the end, and the resident memory.
Reports are written beside the results, in build/bench.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

from benchmarks.harness import Setting

KINDS = ("cpu", "mem")


def environment(setting: Setting) -> dict[str, str]:
    """What a workload's process must be told so that it reports on itself at its end."""
    return {"BENCH_PROFILE": setting.profile} if setting.profile else {}


def wrapped(words: list[str], setting: Setting) -> list[str]:
    """Put `perf record` before a command when asked for and possible."""
    if setting.profile != "cpu" or not _may_perf():
        return words
    data = setting.folder / "perf.data"
    return ["perf", "record", "-q", "-F", "499", "-g", "-o", str(data), "--", *words]


def report(setting: Setting, name: str) -> Path | None:
    """Turn what perf recorded last into text; gives the file, or None when there is nothing."""
    data = setting.folder / "perf.data"
    if not data.exists():
        return None
    words = ["perf", "report", "-i", str(data), "--stdio", "--no-children", "-g", "none"]
    words += ["--sort", "comm,dso,symbol", "--percent-limit", "0.5"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    target = setting.folder / f"profile-{name.replace(' ', '-').replace('/', '-')}.txt"
    target.write_text(done.stdout)
    data.unlink()
    return target


def last_object(output: str) -> dict[str, Any]:
    """Give the JSON object that a workload printed last."""
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def _may_perf() -> bool:
    if shutil.which("perf") is None:
        return False
    tried = subprocess.run(
        ["perf", "record", "-q", "-o", "/dev/null", "true"],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return tried.returncode == 0


def thread_seconds() -> list[tuple[float, str]]:
    """CPU seconds of each living thread of this process, most first, by the name it has."""
    ticks_per_s = 100.0
    rows = []
    for task in Path("/proc/self/task").iterdir():
        name, _, rest = (task / "stat").read_text().rpartition(")")
        fields = rest.split()
        seconds = (int(fields[11]) + int(fields[12])) / ticks_per_s
        rows.append((seconds, name.partition("(")[2]))
    return sorted(rows, reverse=True)


class SelfReport:
    """What a workload prints on standard error about itself when it is being profiled."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._latest: list[tuple[float, str]] = []
        self._stop = threading.Event()
        if kind == "mem":
            tracemalloc.start(8)
        if kind == "cpu":
            threading.Thread(target=self._watch, daemon=True, name="profile").start()

    def lines(self) -> list[str]:
        """Give the report."""
        self._stop.set()
        if self._kind == "cpu":
            return [f"{seconds:8.2f} s  {name}" for seconds, name in self._latest[:12]]
        if self._kind == "mem":
            top = tracemalloc.take_snapshot().statistics("lineno")[:15]
            return [str(line) for line in top]
        return []

    def _watch(self) -> None:
        # Threads of the engine are gone when the workload ends, so look while they live.
        while not self._stop.wait(0.2):
            rows = thread_seconds()
            if len(rows) >= len(self._latest):
                self._latest = rows
            time.sleep(0)
