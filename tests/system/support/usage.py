"""What processes used: CPU and memory, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of CPU of a process and of the children it waited for; 0 when it is gone."""
    return sum(_stat(pid)[13:17]) / TICKS_S


def tree_cpu_s(pid: int) -> float:
    """The same with its children that live."""
    return cpu_s(pid) + sum(cpu_s(each) for each in children(pid))


def memory_bytes(pid: int) -> int:
    """Memory that is a process's own, and its part of what it shares; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss:"))


def children(pid: int) -> list[int]:
    """Processes that it started and that live."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _stat(pid: int) -> list[int]:
    """The numbers of /proc/PID/stat by their place there, from 0; what is no number is 0."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    rest = text.rpartition(")")[2].split()
    return [0, 0, *(int(each) if each.lstrip("-").isdigit() else 0 for each in rest)]
