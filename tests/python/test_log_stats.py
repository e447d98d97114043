"""The line of `msgq worker --log-stats` tells of everything that may need somebody."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import msgq
from msgq.cli.logs import log_stats
from tests.python.conftest import MakeApp


def logged(client: msgq.Client, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """What one line of stats says, as data."""
    with caplog.at_level(logging.INFO, "msgq.worker"):
        log_stats(client)
    (record,) = [each for each in caplog.records if each.getMessage().startswith("stats ")]
    data: dict[str, Any] = record.__dict__["data"]
    return data


def test_what_was_dropped_is_told(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(store_count_max=1, overflow="drop")
    for _ in range(3):
        app.queue("q").enqueue(b"x")
    queue = logged(app, caplog)["queues"]["q"]
    assert queue["waiting"] == 1
    assert (queue["process"]["persisted"], queue["process"]["dropped"]) == (1, 2)
    assert "failed" not in queue["process"]  # what is 0 is left out


def test_what_waits_for_the_store_is_told(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app("sqlite:///q.db", linger=10)
    app.queue("q").enqueue_later(b"x")
    data = logged(app, caplog)
    assert data["queues"]["q"]["process"]["in_flight"] == 1
    assert data["memory_bytes"] > 0
    assert data["threads"] > 0
