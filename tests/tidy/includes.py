"""Who may include whom (docs/ARCHITECTURE.md): the table reads downwards only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from tests.tidy.tree import Tree, under

OURS = ("cpp/src/", "cpp/include/", "cpp/bindings/")
INCLUDE = re.compile(r'^\s*#include\s+["<]([^">]+)[">]')

# The plain types of cpp/include/msgq that know no room.
NOUN_NAMES = (
    "message delivery receipt error kept config stats subscription queue_settings version"
    " worker_spec"
)
NOUNS = frozenset(f"msgq/{noun}.h" for noun in NOUN_NAMES.split())

# Room to the rooms whose headers it may include besides its own and the public nouns. "transport"
# stands for that room's own headers, not for those of the stores inside it. Files directly in
# cpp/src wire the rooms together and may see all, and so does transport/open.cpp with the stores.
# A slot runs spans of what the claimer holds, so dispatch sees those two headers of transport.
MAY_INCLUDE: dict[str, tuple[str, ...]] = {
    "base": (),
    "model": ("base",),
    "transport": ("model", "base"),
    "wake": ("base",),
    "intake": ("transport", "model", "base"),
    "lease": ("transport", "model", "base"),
    "dispatch": ("transport/held.h", "transport/demand.h", "model", "base"),
}

# Header (a shell pattern of what stands between the brackets) to where alone, below cpp/, it may
# be included.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "pqxx/*": ("src/transport/postgres/", "src/wake/pg_"),
    "libpq*": ("src/transport/postgres/", "src/wake/pg_"),
    "sqlite3*": ("src/transport/sqlite/", "src/version.cpp"),
    "*concurrentqueue.h": ("src/base/inbox.h",),
    "pybind11/*": ("bindings/",),
    "Python.h": ("bindings/",),
    "mutex": ("src/base/mutex.h",),
    "shared_mutex": ("src/base/mutex.h",),
    "condition_variable": ("src/base/mutex.h",),
    "thread": ("src/base/",),
    "future": (),
    "iostream": (),
    "cassert": (),
    "assert.h": (),
}


def includes(text: str) -> Iterator[tuple[int, str]]:
    """Line number and name of every header that C++ text includes."""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := INCLUDE.match(line):
            yield number, match[1]


def room_of(path: str) -> str:
    """The room a header or source is in: `lease`, `transport/sqlite`; empty for cpp/src itself."""
    return path.removeprefix("cpp/src/").rpartition("/")[0]


def is_allowed(path: str, header: str) -> bool:
    """Whether the source at `path` may include `header`, written as the sources write it."""
    room = room_of(path)
    if not room or path == "cpp/src/transport/open.cpp":
        return True
    if header.startswith("msgq/"):
        return header in NOUNS and (room != "base" or header == "msgq/error.h")
    target = header.rpartition("/")[0]
    top = room.partition("/")[0]
    return target in {room, top} or bool({target, header} & {*MAY_INCLUDE[top]})


def wrong_direction(tree: Tree) -> list[str]:
    """Every include that goes against the table."""
    found = []
    for path, text in under(tree, "cpp/src/", suffix=(".h", ".cpp")):
        room = room_of(path)
        if room and room.partition("/")[0] not in MAY_INCLUDE:
            found.append(f"{path}: no such room; add it to the table in tests/tidy/includes.py")
            continue
        found += [
            f"{path}:{number}: {room or 'cpp/src'} may not include {header}"
            for number, header in includes(text)
            if ("/" in header and f"cpp/src/{header}" in tree) or header.startswith("msgq/")
            if not is_allowed(path, header)
        ]
    for path, text in under(tree, "cpp/bindings/", "cpp/include/", suffix=(".h", ".cpp")):
        found += [
            f"{path}:{number}: only cpp/include/msgq may be seen here, not {header}"
            for number, header in includes(text)
            if f"cpp/src/{header}" in tree
        ]
    return found


def out_of_place(tree: Tree) -> list[str]:
    """Every include of a header that has one home, from elsewhere."""
    return [
        f"{path}:{number}: <{header}> belongs in {' or '.join(homes) or 'no file of ours'}"
        for path, text in under(tree, *OURS, suffix=(".h", ".cpp"))
        for number, header in includes(text)
        for pattern, homes in ONLY_IN.items()
        if fnmatchcase(header, pattern)
        and not any(path.startswith(f"cpp/{home}") for home in homes)
    ]
