"""The map of the house is true."""

from __future__ import annotations

from tests.tidy.map import mapped_names, untrue_map
from tests.tidy.tree import expect_none, repository

PAGE = """
# The house

```map
cpp/src/base/          leaves
  clock event.h    time and waiting
cpp/src/
  engine.cpp   wiring
```
"""
FILES = ["base/clock.h", "base/clock.cpp", "base/event.h", "engine.cpp"]
TREE = {"docs/ARCHITECTURE.md": PAGE} | {f"cpp/src/{name}": "" for name in FILES}


def test_the_map_is_true() -> None:
    expect_none(untrue_map(repository()))


def test_a_map_is_read() -> None:
    assert list(mapped_names(PAGE)) == [
        ("cpp/src/base/", "clock"),
        ("cpp/src/base/", "event.h"),
        ("cpp/src/", "engine.cpp"),
    ]


def test_a_true_map_is_left_alone() -> None:
    assert untrue_map(TREE) == []


def test_what_the_map_lacks_and_invents_is_found() -> None:
    assert untrue_map(TREE | {"cpp/src/base/event.cpp": ""}) == [
        "cpp/src/base/event.cpp: not in the map of docs/ARCHITECTURE.md"
    ]
    gone = {path: text for path, text in TREE.items() if path != "cpp/src/engine.cpp"}
    assert untrue_map(gone) == ["docs/ARCHITECTURE.md: cpp/src/engine.cpp is not there"]


def test_a_file_named_twice_is_found() -> None:
    page = PAGE.replace("clock event.h", "clock clock.h event.h")
    assert untrue_map(TREE | {"docs/ARCHITECTURE.md": page})[-1].endswith("clock.h twice")
