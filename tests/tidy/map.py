"""The map of docs/ARCHITECTURE.md lists every source file, and nothing that is not there.

The map is a block fenced as ```map. A line that ends its first word with / opens a folder; the
lines indented below it name files of that folder up to the first double space, words about them
after it. A name without a suffix stands for every file of that stem:

    cpp/src/base/
      clock event            time and waiting, handed over at construction
      mutex.h                what clang's analysis can read
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.tidy.tree import Tree, under

PAGE = "docs/ARCHITECTURE.md"
MAPPED = ("cpp/include/", "cpp/src/", "cpp/bindings/", "cpp/sql/", "python/msgq/")
SOURCES = (".h", ".cpp", ".sql", ".py", ".pyi")


def mapped_names(page: str) -> Iterator[tuple[str, str]]:
    """Folder and name of everything that the map of a page names, in its order."""
    for block in re.findall(r"^```map\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        folder = ""
        for line in block.splitlines():
            names = re.split(r"\s{2,}", line.strip())[0].split()
            if names and not line.startswith(" "):
                folder = names[0]
            else:
                yield from ((folder, name) for name in names)


def meant_by(folder: str, name: str, there: set[str]) -> list[str]:
    """The files of `there` that a name of the map stands for."""
    if "." in name:
        return [folder + name] if folder + name in there else []
    return [
        path for path in sorted(there) if re.fullmatch(rf"{re.escape(folder + name)}\.\w+", path)
    ]


def untrue_map(tree: Tree) -> list[str]:
    """Every file the map lacks, every name in it that is no file or is there twice."""
    there = {path for path, _ in under(tree, *MAPPED, suffix=SOURCES)}
    found = []
    named: list[str] = []
    for folder, name in mapped_names(tree.get(PAGE, "")):
        meant = meant_by(folder, name, there)
        named += meant
        if not meant:
            found.append(f"{PAGE}: {folder}{name} is not there")
    found += [f"{path}: not in the map of {PAGE}" for path in sorted(there - set(named))]
    found += [f"{PAGE}: {path} twice" for path in sorted(set(named)) if named.count(path) > 1]
    return found
