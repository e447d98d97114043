"""What all workloads share: their arguments, the queue's durable counts, memory, percentiles.

A workload is a program: it takes one JSON object as its argument, does its work in a process of
its own (so that no run inherits memory, threads or warm caches) and prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgq
from benchmarks.profiling import SelfReport

QUEUE = "bench"
ROOT = Path(__file__).resolve().parents[2]


def main(work: Callable[[Mapping[str, Any]], Mapping[str, float]]) -> None:
    """Run `work` with this process's argument and print what it gives."""
    plan = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    profile = SelfReport(os.environ.get("BENCH_PROFILE", ""))
    figures = work(plan)
    for line in profile.lines():
        print(line, file=sys.stderr)
    print(json.dumps(dict(figures)))


def command(workload: str, plan: Mapping[str, object]) -> list[str]:
    """How to run a workload in a process of its own."""
    return [sys.executable, "-m", f"benchmarks.workloads.{workload}", json.dumps(dict(plan))]


def start(workload: str, plan: Mapping[str, object]) -> subprocess.Popen[str]:
    """Start a workload beside this one; it works until its standard input ends."""
    return subprocess.Popen(
        command(workload, plan), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def await_line(child: subprocess.Popen[str]) -> None:
    """Wait until a child has printed a line: it is ready."""
    assert child.stdout
    child.stdout.readline()


def tell(child: subprocess.Popen[str]) -> None:
    """Give a child the line that it waits for."""
    assert child.stdin
    child.stdin.write("go\n")
    child.stdin.flush()


def finish(child: subprocess.Popen[str]) -> dict[str, Any]:
    """End a child's standard input and give what it printed last."""
    out, _ = child.communicate(timeout=120)
    if child.returncode:
        raise SystemExit(f"a child ended with status {child.returncode}")
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def open_app(plan: Mapping[str, Any]) -> msgq.App:
    """Open the app that the plan names: url, profile, and any setting under "settings"."""
    settings = dict(plan.get("settings", {}))
    if plan.get("profile"):
        settings["profile"] = plan["profile"]
    return msgq.App(plan["url"], **settings)


def counts(app: msgq.App) -> tuple[int, int]:
    """Messages durably stored and durably settled so far, by all processes on the store."""
    depth = app.queue(QUEUE).depth()
    return depth.sent, depth.done


def wait_until_done(app: msgq.App, messages: int, timeout: float = 120.0) -> None:
    """Wait until so many messages are durably settled."""
    end = time.monotonic() + timeout
    while counts(app)[1] < messages:
        if time.monotonic() > end:
            raise SystemExit(f"{counts(app)} of {messages} after {timeout} s")
        time.sleep(0.001)


def memory_mb() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def percentiles(samples: Sequence[float], prefix: str = "") -> dict[str, float]:
    """Give p50, p95, p99 and max of the samples."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {f"{prefix}{name}": ordered[int(last * share)] for name, share in shares.items()}


def pause(seconds: float) -> None:
    """Sleep for about so long, so that nothing falls into step with a timer."""
    time.sleep(seconds * random.uniform(0.5, 1.5))
