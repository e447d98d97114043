"""MODULE:NAME."""

from pathlib import Path

import pytest

from msgq.cli import target
from msgq.errors import ConfigError


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shop_for_target.py").write_text("class Box:\n    thing = 42\nvalue = 1\n")
    return "shop_for_target"


def test_finds_dotted_names(module: str) -> None:
    assert target.load(f"{module}:value", "an app") == 1
    assert target.load(f"{module}:Box.thing", "an app") == 42


@pytest.mark.parametrize("text", ["", "shop", ":app", "shop:"])
def test_another_shape_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"MODULE:NAME, such as shop:app"):
        target.load(text, "an app")


def test_a_missing_name_lists_what_there_is(module: str) -> None:
    with pytest.raises(ConfigError, match=r"has no 'apq'; it has: Box, value"):
        target.load(f"{module}:apq", "an app")


def test_a_missing_module_says_where_it_was_looked_for() -> None:
    with pytest.raises(ConfigError, match=r"no module 'no_such_module_at_all' in "):
        target.load("no_such_module_at_all:app", "an app")


def test_a_missing_import_inside_the_module_is_its_own_error(module: str, tmp_path: Path) -> None:
    (tmp_path / "broken_for_target.py").write_text("import no_such_dependency\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        target.load("broken_for_target:app", "an app")
