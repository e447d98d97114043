"""What a figure was measured on: printed and stored beside every result."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CEILINGS = ROOT / "build" / "release" / "benchmarks"


def run_ceiling(name: str, target: Path | str, **arguments: object) -> dict[str, Any]:
    """Run one program of benchmarks/ceilings and give what it printed."""
    program = CEILINGS / name
    if not program.exists():
        raise SystemExit(f"{program} is missing: run `make ceilings`")
    words = [f"{key}={value}" for key, value in arguments.items()]
    done = subprocess.run([program, target, *words], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def flush_times(folder: Path, seconds: float) -> dict[str, float]:
    """How long the disk under `folder` takes to make 4 kB durable, in microseconds."""
    return run_ceiling("fsync_ceiling", folder / "flush.bin", seconds=seconds)


def describe(folder: Path, seconds: float = 1.0) -> dict[str, Any]:
    """Describe processor, memory, system, disk; takes `seconds` for the flush times."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_bytes / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "file_system": _file_system(folder),
        "load": round(os.getloadavg()[0], 2),
        "flush": flush_times(folder, seconds),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """Kind of the file system that holds `folder`: the longest mount point above it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(above, key=lambda mount: len(mount[0]))[1] if above else "unknown"
