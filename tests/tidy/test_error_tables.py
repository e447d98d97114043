"""The four tables of errors agree."""

from __future__ import annotations

import pytest

from tests.tidy.error_tables import differing_errors
from tests.tidy.tree import expect_none, repository

HEADER = """
enum class ErrorCode {
  kClosed,     // kNotACode
  kQueueFull,
};
bool is_retryable() const { return code_ == ErrorCode::kQueueFull; }
"""
PYTHON = """
class MsgqError(Exception):
    code: ClassVar[str] = "Msgq"
class ClosedError(MsgqError):
    code = "Closed"
class QueueFullError(MsgqError):
    code = "QueueFull"
    is_retryable = True
"""
TREE = {
    "cpp/include/msgq/error.h": HEADER,
    "cpp/bindings/errors.cpp": "ErrorCode::kClosed, ErrorCode::kQueueFull",
    "python/msgq/errors.py": PYTHON,
    "docs/errors.md": "`MsgqError` `ClosedError` `QueueFullError`",
}


def test_the_tables_agree() -> None:
    expect_none(differing_errors(repository()))


def test_tables_that_agree_are_left_alone() -> None:
    expect_none(differing_errors(TREE))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("cpp/include/msgq/error.h", "kQueueFull,", "kQueueFull, kNew,"),
        ("cpp/bindings/errors.cpp", "ErrorCode::kClosed", "ErrorCode::kQueueFull"),
        ("python/msgq/errors.py", "is_retryable = True", "is_retryable = False"),
        ("python/msgq/errors.py", '"Msgq"', '"Closed"'),
        ("docs/errors.md", "`ClosedError`", "ClosedError"),
    ],
)
def test_a_difference_is_found(path: str, old: str, new: str) -> None:
    assert differing_errors({**TREE, path: TREE[path].replace(old, new, 1)})
