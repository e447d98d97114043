"""The options of a filter are those of `client.dead_letters()`, on every command alike."""

import inspect

import pytest

from msgq.cli import dead, dead_act, dead_analyze, dead_files
from msgq.cli.dead_filter import is_said
from msgq.dead import make_filter

CRITERIA = ("handler", "error", "reason", "text", "since", "until")


@pytest.mark.parametrize(
    "command",
    [
        dead.list_dead, dead.count, dead_act.retry, dead_act.delete, dead_files.export,
        dead_analyze.analyze,
    ],
)  # fmt: skip
def test_every_command_has_them_before_the_url(command: object) -> None:
    assert callable(command)
    names = list(inspect.signature(command).parameters)
    place = names.index("url")
    assert tuple(names[place - len(CRITERIA) : place]) == CRITERIA
    assert "criteria" not in names


def test_the_library_knows_each() -> None:
    make_filter(None, dict.fromkeys(CRITERIA))


def test_whether_any_was_said() -> None:
    assert not is_said(dict.fromkeys(CRITERIA))
    assert is_said({"handler": None, "error": "ValueError"})
