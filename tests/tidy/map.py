"""The map of docs/ARCHITECTURE.md lists every source file, and nothing that is not there.

The map is a block fenced as ```map. A line that ends its first word with / opens a folder; the
lines indented below it name files of that folder up to the first double space, words about them
after it:

    cpp/src/base/
      clock.{h,cpp} event.h    time and waiting, handed over at construction
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.tidy.tree import Tree, under

PAGE = "docs/ARCHITECTURE.md"
MAPPED = ("cpp/include/", "cpp/src/", "cpp/bindings/", "cpp/sql/", "python/msgq/")
SOURCES = (".h", ".cpp", ".sql", ".py", ".pyi")


def expanded(name: str) -> list[str]:
    """clock.{h,cpp} as clock.h and clock.cpp."""
    match = re.fullmatch(r"(.*)\{(.*)\}(.*)", name)
    if not match:
        return [name]
    return [f"{match[1]}{middle}{match[3]}" for middle in match[2].split(",")]


def mapped_files(page: str) -> Iterator[str]:
    """Every path that the map of a page names."""
    for block in re.findall(r"^```map\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        folder = ""
        for line in block.splitlines():
            names = re.split(r"\s{2,}", line.strip())[0].split()
            if names and not line.startswith(" "):
                folder = names[0]
                names = names[1:] if folder.endswith("/") else []
            for name in names:
                yield from (f"{folder}{each}" for each in expanded(name))


def untrue_map(tree: Tree) -> list[str]:
    """Every file the map lacks, every name in it that is no file or is there twice."""
    named = list(mapped_files(tree.get(PAGE, "")))
    there = {path for path, _ in under(tree, *MAPPED, suffix=SOURCES)}
    found = [f"{path}: not in the map of {PAGE}" for path in sorted(there - set(named))]
    found += [f"{PAGE}: {path} is not there" for path in sorted(set(named) - there)]
    found += [f"{PAGE}: {path} twice" for path in sorted(set(named)) if named.count(path) > 1]
    return found
