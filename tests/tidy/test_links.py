"""Relative links lead somewhere."""

from __future__ import annotations

from tests.tidy.links import anchors, broken_links
from tests.tidy.tree import ROOT, expect_none, is_built, repository


def test_every_link_leads_somewhere() -> None:
    there = {
        path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if not is_built(path)
    } | {"."}
    expect_none(broken_links(repository(), there))


def test_headings_make_anchors() -> None:
    text = "# One `two`, three!\n## Again\n## Again\n```\n# not a heading\n```\n"
    assert anchors(text) == {"one-two-three", "again", "again-1"}


def test_a_broken_link_is_found() -> None:
    page = """
# Here
[good](b.md#there) [self](#here) [web](https://example.org/x) `[code](no.md)`
[gone](c.md)
[nowhere](b.md#gone)
"""
    tree = {"docs/a.md": page, "docs/b.md": "## There\n"}
    assert broken_links(tree, set(tree)) == [
        "docs/a.md:4: no docs/c.md",
        "docs/a.md:5: docs/b.md has no heading #gone",
    ]
