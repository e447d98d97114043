"""The contract is whole: one test a statement."""

from __future__ import annotations

from tests.tidy.contract import COUNTS, untold_statements
from tests.tidy.tree import expect_none, repository


def test_every_statement_has_its_test() -> None:
    expect_none(untold_statements(repository()))


def test_what_is_missing_doubled_or_strange_is_found() -> None:
    lines = [
        f'def test_{family}{n}_x():\n    """Said."""'
        for family, most in COUNTS.items()
        for n in range(1, most + 1)
    ]
    whole = "\n\n\n".join([*lines, 'def test_ma_name():\n    """Said."""'])
    path = "tests/contract/test_x.py"
    assert untold_statements({path: whole}) == []
    assert untold_statements({path: whole.replace("test_sa7_x", "test_sa40_x")}) == [
        "tests/contract/: no test of sa7", "tests/contract/: there is no statement sa40",
    ]  # fmt: skip
    assert untold_statements({path: whole.replace("test_sa7_x", "test_sa8_x")}) == [
        "tests/contract/: no test of sa7", "tests/contract/: sa8 has 2 tests",
    ]  # fmt: skip
    strange = whole + "\n\n\ndef test_odd():\n    pass\n"
    assert untold_statements({path: strange}) == [
        f"{path}::test_odd: is named by no id", f"{path}::test_odd: does not say its statement",
    ]  # fmt: skip
