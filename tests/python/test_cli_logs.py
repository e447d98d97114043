"""The worker command's logging."""

import json
import logging
import sys

import pytest

from msgq.cli import logs
from msgq.errors import ConfigError


@pytest.fixture(autouse=True)
def own_logging() -> object:
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def test_json_lines_carry_data_and_traces(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logging("info", as_json=True)
    logger = logging.getLogger("msgq.worker")
    logger.debug("not this")
    logger.info("stats %s", "x", extra={"data": {"a": 1}})
    try:
        raise ValueError("boom")
    except ValueError:
        logger.exception("failed")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first["level"] == "info"
    assert first["text"] == "stats x"
    assert first["data"] == {"a": 1}
    assert "ValueError: boom" in second["trace"]


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logging("warning", as_json=False)
    logging.getLogger("msgq").info("no")
    logging.getLogger("msgq").warning("yes")
    (line,) = capsys.readouterr().err.splitlines()
    assert "WARNING" in line
    assert line.endswith("msgq: yes")


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigError, match="debug, info, warning, error"):
        logs.set_up_logging("loud", as_json=False)


def test_importing_sets_nothing_up() -> None:
    assert "msgq" in sys.modules
    assert logging.getLogger("msgq").handlers == []
