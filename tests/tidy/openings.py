"""How files begin: with what they are and who may call them from where."""

from __future__ import annotations

import re

from tests.tidy.tree import Tree, under


def opening(text: str, mark: str) -> str:
    """The comment that text begins with; empty when it begins with something else."""
    lines = []
    for line in text.splitlines():
        if not line.startswith(mark):
            break
        lines.append(line.removeprefix(mark).strip())
    return "\n".join(lines)


def bad_openings(tree: Tree) -> list[str]:
    """Every header without its promise and its thread rule, every SQL file without words."""
    found = []
    for path, text in under(tree, "cpp/src/", "cpp/include/", "cpp/bindings/", suffix=(".h",)):
        words = opening(text, "//")
        if not words:
            found.append(f"{path}: begin with a comment: what this is")
        elif not re.search(r"[Tt]hread|[Gg]IL", words):
            found.append(f"{path}: the opening comment has no thread rule")
        if "#pragma once" not in text:
            found.append(f"{path}: no #pragma once")
    for path, text in under(tree, "cpp/sql/", suffix=(".sql",)):
        if not opening(text, "--"):
            found.append(
                f"{path}: begin with a comment: what it returns, locks, and why twice is safe"
            )
    return found
