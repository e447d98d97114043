"""docs/features.md says no more than tests show."""

from __future__ import annotations

from typing import Any

import pytest

from docs.features import Row, cells, rows_of, shown_on
from tests.support.collected import STORES, core_tests, python_tests

TESTS = {
    "python/test_a.py::test_one": {"memory", "sqlite", "postgresql", "pgbouncer"},
    "python/test_a.py::test_two": {"memory"},
    "python/test_a.py::test_sync": set[str](),
    "KeysConformance.One": {"memory"},
}
ABLE = {store: {"has_keys": "✔"} for store in STORES}


def row(tests: str, **others: Any) -> Row:
    (made,) = rows_of({"rows": [["it", "call()", tests, others]]})
    return made


def test_what_tests_show_works() -> None:
    said, wrong = cells(row("python/*::test_one python/*::test_sync@sync"), TESTS, ABLE)
    assert (said, wrong) == (["*works*"] * 5, [])


def test_without_tests_it_is_not_built() -> None:
    said, wrong = cells(row("", needs="has_keys"), TESTS, ABLE)
    assert (said, wrong) == (["*not built yet*"] * 5, [])


def test_a_store_without_a_test_needs_a_word() -> None:
    _, wrong = cells(row("*::test_one"), TESTS, ABLE)
    assert wrong == ["'it': no test shows it on sync"]
    for others, says in (
        ({"absent": {"sync": "why"}}, "*not offered*: why"),
        ({"later": ["sync"]}, "*not built yet*"),
    ):
        said, wrong = cells(row("*::test_one", **dict[str, Any](others)), TESTS, ABLE)
        assert (said[-1], wrong) == (says, [])


def test_a_name_that_no_test_has_is_found() -> None:
    assert shown_on(row("*::test_three KeysConformance.*"), TESTS) == (
        {"memory"}, ["no test is called *::test_three"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mark", "others", "wrong"),
    [
        ("✘", {}, "'it': memory's has_keys is ✘"),
        ("✘", {"emulated": {"memory": "by hand"}}, ""),
        ("✔", {"absent": {"memory": "why"}}, "'it': memory is able to (has_keys)"),
    ],
)
def test_the_record_has_to_agree(mark: str, others: dict[str, Any], wrong: str) -> None:
    can = {**ABLE, "memory": {"has_keys": mark}}
    tests = "*::test_one *::test_sync@sync"
    _, found = cells(row(tests, needs="has_keys", **others), TESTS, can)
    assert found == [wrong] * bool(wrong)


def test_where_a_test_runs_is_found() -> None:
    found = python_tests(["tests/python/test_life.py", "tests/contract/test_sessions.py"])
    stores = {"memory", "sqlite", "postgresql"}
    assert found["python/test_life.py::test_a_parked_message_is_called_off"] == {*STORES[:4]}
    assert found["python/test_life.py::test_milliseconds"] == set()
    assert found["contract/test_sessions.py::test_va2_session_fifo"] == stores
    open_still = "contract/test_sessions.py::test_ma_client_accepts_a_named_session"
    assert open_still not in found
    core = core_tests()
    assert core["KeysConformance.AfterADeathTheOrderIsTheSame"] == {*STORES[:4]}
    assert core["PoisonConformance.ASuspectRunsAlone"] == stores
    assert all(core.values())


def test_a_file_that_cannot_be_collected_is_told() -> None:
    with pytest.raises(ValueError, match="test_nowhere"):
        python_tests(["tests/test_nowhere.py"])
