"""Headers are included in one direction, and each foreign library by the file that owns it."""

from __future__ import annotations

import pytest

from tests.tidy.includes import out_of_place, wrong_direction
from tests.tidy.tree import expect_none, repository


def test_the_repository_keeps_the_direction() -> None:
    expect_none(wrong_direction(repository()))


def test_the_repository_keeps_foreign_headers_at_home() -> None:
    expect_none(out_of_place(repository()))


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("cpp/src/model/a.cpp", "transport/block.h"),
        ("cpp/src/lease/a.cpp", "intake/batcher.h"),
        ("cpp/src/transport/memory/a.cpp", "transport/sqlite/b.h"),
        ("cpp/src/intake/a.h", "transport/sqlite/b.h"),
        ("cpp/src/base/a.h", "msgq/message.h"),
        ("cpp/src/dispatch/a.h", "msgq/engine.h"),
        ("cpp/src/attic/a.h", "base/clock.h"),
        ("cpp/bindings/a.cpp", "base/clock.h"),
        ("cpp/include/msgq/a.h", "model/frame.h"),
    ],
)
def test_a_wrong_direction_is_found(path: str, header: str) -> None:
    there = {} if header.startswith("msgq/") else {f"cpp/src/{header}": "// Thread rule."}
    assert len(wrong_direction({path: f'#include "{header}"\n', **there})) == 1


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("cpp/src/engine.cpp", "transport/sqlite/b.h"),
        ("cpp/src/lease/a.cpp", "transport/transport.h"),
        ("cpp/src/transport/sqlite/a.cpp", "transport/block.h"),
        ("cpp/src/transport/sqlite/a.cpp", "transport/sqlite/b.h"),
        ("cpp/src/base/a.cpp", "msgq/error.h"),
    ],
)
def test_a_right_direction_is_left_alone(path: str, header: str) -> None:
    there = {} if header.startswith("msgq/") else {f"cpp/src/{header}": ""}
    expect_none(wrong_direction({path: f'#include "{header}"\n', **there}))


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("cpp/src/lease/a.cpp", "concurrentqueue/concurrentqueue.h"),
        ("cpp/src/intake/a.cpp", "sqlite3.h"),
        ("cpp/src/transport/memory/a.cpp", "pqxx/pqxx"),
        ("cpp/src/engine.cpp", "Python.h"),
        ("cpp/src/engine.cpp", "mutex"),
        ("cpp/src/lease/a.cpp", "thread"),
        ("cpp/bindings/a.cpp", "iostream"),
    ],
)
def test_a_header_out_of_place_is_found(path: str, header: str) -> None:
    assert len(out_of_place({path: f"#include <{header}>\n"})) == 1
