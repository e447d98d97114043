"""The top of the repository stays as it is."""

from __future__ import annotations

from tests.tidy.layout import strangers
from tests.tidy.tree import ROOT, expect_none, is_built


def test_the_top_has_no_strangers() -> None:
    expect_none(strangers(path.name for path in ROOT.iterdir() if not is_built(path)))


def test_a_stranger_is_found() -> None:
    assert strangers(["cpp", ".ci", "scripts"]) == ["scripts"]
