"""The map of the house is true."""

from __future__ import annotations

from tests.tidy.map import mapped_files, untrue_map
from tests.tidy.tree import repository

PAGE = """
# The house

```map
cpp/src/base/          leaves
  clock.{h,cpp} event.h    time and waiting
cpp/src/
  engine.cpp   wiring
```
"""


def test_the_map_is_true() -> None:
    assert untrue_map(repository()) == []


def test_a_map_is_read() -> None:
    assert list(mapped_files(PAGE)) == [
        "cpp/src/base/clock.h",
        "cpp/src/base/clock.cpp",
        "cpp/src/base/event.h",
        "cpp/src/engine.cpp",
    ]


def test_what_the_map_lacks_and_invents_is_found() -> None:
    tree = {"docs/ARCHITECTURE.md": PAGE, **dict.fromkeys(mapped_files(PAGE), "")}
    assert untrue_map(tree) == []
    assert len(untrue_map(tree | {"cpp/src/base/new.h": ""})) == 1
    del tree["cpp/src/engine.cpp"]
    assert untrue_map(tree) == ["docs/ARCHITECTURE.md: cpp/src/engine.cpp is not there"]
