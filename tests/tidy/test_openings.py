"""Headers and SQL files begin with words."""

from __future__ import annotations

from tests.tidy.openings import bad_openings
from tests.tidy.tree import expect_none, repository


def test_every_file_begins_with_its_promise() -> None:
    expect_none(bad_openings(repository()))


def test_a_bare_beginning_is_found() -> None:
    good = "// A clock.\n//\n// Threads: any.\n#pragma once\n"
    tree = {"cpp/src/a.h": good, "cpp/sql/a.sql": "-- Returns nothing.\nSELECT 1;"}
    expect_none(bad_openings(tree))
    assert len(bad_openings({"cpp/src/a.h": "#pragma once\n"})) == 1
    assert len(bad_openings({"cpp/src/a.h": "// A clock.\n#pragma once\n"})) == 1
    assert len(bad_openings({"cpp/src/a.h": good.replace("#pragma once", "")})) == 1
    assert len(bad_openings({"cpp/sql/a.sql": "SELECT 1;"})) == 1
