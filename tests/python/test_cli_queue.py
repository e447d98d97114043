"""`msgq queue`."""

from __future__ import annotations

import pytest

import msgq
from tests.support.cli import call, ok

URL = "sqlite:///store.db"


@pytest.fixture(autouse=True)
def store() -> None:
    with msgq.connect(URL) as client:
        client.queue("q").enqueue_many(range(3))


def test_a_queue_is_paused_and_resumed() -> None:
    assert "queue q paused" in ok("queue", "pause", "q", "--url", URL).out
    assert ok("queues", "--url", URL, "--json").json[0]["is_paused"] is True
    assert "q (paused)" in ok("queues", "--url", URL).out
    assert "q (paused)" in ok("stats", "--url", URL).out
    answer = ok("queue", "resume", "q", "--url", URL, "--json")
    assert answer.json == {"queue": "q", "is_paused": False}
    assert "paused" not in ok("queues", "--url", URL).out


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_unknown_queue_is_refused(verb: str) -> None:
    answer = call("queue", verb, "none", "--url", URL)
    assert answer.status == 3
    assert "no queue named 'none'; there are: q" in answer.err
