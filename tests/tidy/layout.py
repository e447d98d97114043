"""The top of the repository is fixed: what tools insist on finding there, and the rooms."""

from __future__ import annotations

from collections.abc import Iterable

TOP = {
    "CMakeLists.txt",
    "CMakePresets.json",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "cpp",
    "docs",
    "notebooks",
    "pyproject.toml",
    "python",
    "tests",
}


def strangers(names: Iterable[str]) -> list[str]:
    """The names at the top that the layout does not know; dot-files belong to their tools."""
    return sorted(name for name in names if name not in TOP and not name.startswith("."))
