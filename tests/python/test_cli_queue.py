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


def test_what_is_set_is_shown_and_changed() -> None:
    assert "max length: any" in ok("queue", "show", "q", "--url", URL).out
    shown = ok("queue", "alter", "q", "--max-length", "3", "--overflow-wait", "2s", "--url", URL)
    assert "max length: 3" in shown.out
    assert "overflow: block, for up to 2.0 s" in shown.out
    answer = ok("queue", "alter", "q", "--overflow", "raise", "--url", URL, "--json")
    assert answer.json == {"queue": "q", "is_paused": False, "max_length": 3, "overflow": "raise",
                           "overflow_wait": 2.0, "topic": False, "retention": 0.0}  # fmt: skip
    full = call("enqueue", "q", "1", "--url", URL)
    assert "holds 3 messages, at most 3 are allowed (its max_length)" in full.err
    ok("queue", "alter", "q", "--max-length", "none", "--url", URL)
    ok("enqueue", "q", "1", "--url", URL)


@pytest.mark.parametrize(
    ("options", "text"),
    [([], "name what is to be changed"), (["--max-length", "0"], "from 1 to"),
     (["--max-length", "many"], "a number of messages or none"),
     (["--overflow", "explode"], "is one of block, raise")],
)  # fmt: skip
def test_what_cannot_be_set_is_refused(options: list[str], text: str) -> None:
    answer = call("queue", "alter", "q", *options, "--url", URL)
    assert answer.status == 2
    assert text in answer.err


def test_a_queue_is_made() -> None:
    assert call("queue", "alter", "new", "--max-length", "5", "--url", URL).status == 3
    ok("queue", "alter", "new", "--create", "--max-length", "5", "--url", URL)
    assert ok("queue", "show", "new", "--url", URL, "--json").json["max_length"] == 5


def test_a_queue_is_drained() -> None:
    late = call("queue", "drain", "q", "--timeout", "10ms", "--url", URL)
    assert "still has 3 messages to handle" in late.err
    ok("purge", "q", "--yes", "--url", URL)
    assert ok("queue", "drain", "q", "--url", URL, "--json").json == {"queue": "q", "drained": True}


def test_a_queue_is_renamed() -> None:
    assert "queue q is mails from now on" in ok("queue", "rename", "q", "mails", "--url", URL).out
    answer = ok("queue", "rename", "mails", "q", "--url", URL, "--json")
    assert answer.json == {"queue": "q", "renamed_from": "mails"}
    assert call("queue", "rename", "q", "q", "--url", URL).status == 2
