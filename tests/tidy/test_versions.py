"""The version is one."""

from __future__ import annotations

from tests.tidy.tree import repository
from tests.tidy.versions import said_versions


def test_every_place_says_the_same_version() -> None:
    said = said_versions(repository())
    assert set(said.values()) == {said["pyproject.toml"]}, said
    assert said["pyproject.toml"]


def test_versions_are_read() -> None:
    tree = {
        "pyproject.toml": '[project]\nversion = "1.2.3"\n',
        "cpp/include/msgq/version.h": 'inline constexpr char kVersion[] = "1.2.4";\n',
        "docs/CHANGELOG.md": "# Changes\n\n## 1.2.3 (soon)\n\n## 1.2.2\n",
    }
    assert list(said_versions(tree).values()) == ["1.2.3", "1.2.4", "1.2.3"]
