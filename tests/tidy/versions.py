"""One version, said the same wherever it is said."""

from __future__ import annotations

import re

from tests.tidy.tree import Tree

# File to the pattern whose first group is the version it says.
PLACES = {
    "pyproject.toml": r'^version = "(.*)"',
    "cpp/include/msgq/version.h": r'\bkVersion\[\] = "(.*)"',
    "docs/CHANGELOG.md": r"^## (\d\S*)",
}


def said_versions(tree: Tree) -> dict[str, str | None]:
    """Each place and the version it says first, None where it says none."""
    said: dict[str, str | None] = {}
    for path, pattern in PLACES.items():
        match = re.search(pattern, tree.get(path, ""), re.MULTILINE)
        said[path] = match[1] if match else None
    return said
