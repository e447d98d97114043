"""The records of the transports and the table people read agree."""

from __future__ import annotations

import pytest

from tests.tidy.capabilities import differing_capabilities, records
from tests.tidy.tree import expect_none, repository

PAGE = """
| what it can do | `a://file` | `b://` |
|---|---|---|
| keeps messages (`is_durable`) | ✔ | ✘ |
| makes a copy (`can_backup`) | ✔ | ✘ |
"""
TREE = {
    "docs/guarantees.md": PAGE,
    "cpp/src/transport/a/a.cpp": """
constexpr Capability kA{
    .scheme = "a",
    .is_durable = true,
    .can_backup = true,
};
""",
    "cpp/src/transport/b.cpp": """
constexpr Capability kB{.scheme = "b", .is_durable = false, .can_backup = false};
""",
}


def test_the_page_says_what_the_records_say() -> None:
    assert set(records(repository())) == {"memory", "postgresql", "sqlite"}
    expect_none(differing_capabilities(repository()))


def test_a_page_that_agrees_is_left_alone() -> None:
    expect_none(differing_capabilities(TREE))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("docs/guarantees.md", "(`is_durable`) | ✔", "(`is_durable`) | ✘"),
        ("docs/guarantees.md", "can_backup", "can_copy"),
        ("docs/guarantees.md", "`b://`", "`c://`"),
        ("cpp/src/transport/b.cpp", ".is_durable = false", ".is_durable = true"),
    ],
)
def test_a_difference_is_found(path: str, old: str, new: str) -> None:
    assert differing_capabilities({**TREE, path: TREE[path].replace(old, new, 1)})
