"""`msgq cancel` and `msgq reschedule`."""

from __future__ import annotations

from typing import Any

from tests.support.cli import call


def test_the_command_line(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/q.db"
    sent = call("enqueue", "q", "1", "--delay", "1h", "--ttl", "2h", "--url", url)
    key = sent.out.strip()
    assert "1 of 1 rescheduled" in call("reschedule", "q", key, "--delay", "30m", "--url", url).out
    assert '"cancelled": 1' in call("cancel", "q", key, "--url", url, "--json").out
    assert "not parked" in call("cancel", "q", key, "--url", url).err
    assert "never be run" in call("enqueue", "q", "1", "--ttl", "0s", "--url", url).err
    assert call("cancel", "none", key, "--url", url).status != 0


def test_messages_are_held_and_released(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/q.db"
    key = call("enqueue", "q", "1", "--delay", "1h", "--url", url).out.strip()
    assert "1 of 1 held" in call("hold", "q", key, "--url", url).out
    assert "1 of 1 released" in call("release", "q", key, "--url", url).out
    assert "not held" in call("release", "q", key, "--url", url).err
    assert call("hold", "none", key, "--url", url).status != 0
