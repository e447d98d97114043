"""Each source has its test where its name says."""

from __future__ import annotations

import pytest

from tests.tidy.exceptions import NO_MIRROR
from tests.tidy.mirror import mirror_of, orphan_tests, without_a_mirror
from tests.tidy.tree import expect_none, repository


def test_every_source_has_its_test() -> None:
    expect_none(without_a_mirror(repository(), NO_MIRROR))


def test_every_unit_test_has_its_source() -> None:
    expect_none(orphan_tests(repository()))


@pytest.mark.parametrize(
    ("source", "test"),
    [
        ("cpp/src/engine.cpp", "tests/cpp/engine_test.cpp"),
        ("cpp/src/base/clock.cpp", "tests/cpp/base/clock_test.cpp"),
        ("cpp/src/transport/sqlite/writer.cpp", "tests/cpp/transport/sqlite/writer_test.cpp"),
        ("python/msgq/app.py", "tests/python/test_app.py"),
        ("python/msgq/_lifecycle.py", "tests/python/test_lifecycle.py"),
        ("python/msgq/cli/dead.py", "tests/python/test_cli_dead.py"),
    ],
)
def test_the_mirror_is_where_its_name_says(source: str, test: str) -> None:
    assert mirror_of(source) == test
    assert len(without_a_mirror({source: ""}, {})) == 1
    expect_none(without_a_mirror({source: "", test: ""}, {}))


def test_an_exemption_names_the_test_that_stands_in() -> None:
    tree = {"cpp/src/engine.cpp": "", "tests/cpp/road_test.cpp": ""}
    stand_in = {"cpp/src/engine.cpp": "wiring only: tests/cpp/road_test.cpp"}
    expect_none(without_a_mirror(tree, stand_in))
    assert len(without_a_mirror(tree, {"cpp/src/engine.cpp": "no time"})) == 1
    assert len(without_a_mirror(tree | {"tests/cpp/engine_test.cpp": ""}, stand_in)) == 1


def test_a_test_of_nothing_is_found() -> None:
    tree = {"cpp/src/base/clock.h": "", "tests/cpp/base/clock_test.cpp": ""}
    expect_none(orphan_tests(tree))
    assert len(orphan_tests(tree | {"tests/cpp/base/gone_test.cpp": ""})) == 1
