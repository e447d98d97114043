"""Every call that the translation tables name is there, unless they say that it is not yet."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import msgq
from msgq._settings import SETTINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "coming_from.md"
HOMES: dict[str, Any] = {
    "msgq": msgq, "app": msgq.App, "queue": msgq.Queue, "delivery": msgq.Delivery,
    "handler": msgq.Handler, "ctx": msgq.Context,
}  # fmt: skip
SYSTEMS = ("Celery", "RQ", "Dramatiq", "Symfony Messenger", "SQS", "Azure Service Bus", "RabbitMQ",
           "Kafka", "Queen MQ")  # fmt: skip
SUBJECTS = (
    "key=|keys.md",
    "priorit",
    "app.route|app.forward",
    "delay=",
    "dead letter|dead_letters",
)
CALL = re.compile(r"`(?:[^`]*\W)?(msgq|app|queue|delivery|handler|ctx)\.(\w+)")


def answers() -> list[str]:
    """The right-hand cells that say what there is."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return [row.split(" | ")[-1] for row in rows if "not yet" not in row]


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_system_has_a_table(system: str) -> None:
    section = PAGE.read_text("utf-8").partition(f"\n## {system}\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\| .* \| .* \|$", section, re.MULTILINE)) > 10
    assert [subject for subject in SUBJECTS if not re.search(subject, section)] == []


def test_calls_are_there() -> None:
    named = {found for text in answers() for found in CALL.findall(text)}
    assert len(named) > 20
    missing = [f"{home}.{name}" for home, name in named if not hasattr(HOMES[home], name)]
    assert not missing


def test_settings_are_there() -> None:
    said = {name for text in answers() for name in re.findall(r"`(\w+_\w+)(?:=[^`]*)?`", text)}
    known = {*SETTINGS, *inspect.signature(msgq.RetryPolicy).parameters}
    assert sorted(said - known) == ["enqueue_later", "oldest_age"]
