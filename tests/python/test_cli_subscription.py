"""`msgq subscription`."""

from __future__ import annotations

import msgq
from tests.support.cli import call, ok

URL = "sqlite:///store.db"


def test_made_listed_moved_and_deleted() -> None:
    with msgq.connect(URL) as client:
        client.queue("q").create(topic=True, retention="1h")
        client.queue("q").enqueue_many(range(3))
    made = ok("subscription", "create", "q", "audit", "--start", "earliest", "--url", URL, "--json")
    assert made.json == {"queue": "q", "subscription": "audit", "lag": 3}
    listed = ok("subscription", "list", "q", "--url", URL, "--json").json
    assert [(each["subscription"], each["lag"]) for each in listed] == [("audit", 3)]
    assert "audit" in ok("subscription", "list", "q", "--url", URL).out
    moved = ok("subscription", "seek", "q", "audit", "latest", "--yes", "--url", URL)
    assert "0 messages before it" in moved.out
    unknown = call("subscription", "seek", "q", "none", "latest", "--yes", "--url", URL)
    assert unknown.status == 3
    gone = ok("subscription", "delete", "q", "audit", "--yes", "--url", URL)
    assert "subscription audit of q deleted" in gone.out
    assert ok("subscription", "list", "q", "--url", URL, "--json").json == []


def test_topic_and_retention_are_set_and_shown() -> None:
    with msgq.connect(URL) as client:
        client.queue("q").enqueue(1)
    shown = ok("queue", "alter", "q", "--topic", "--retention", "7d", "--url", URL)
    assert "topic: what is sent goes to its subscriptions alone" in shown.out
    assert "retention: " in shown.out
    ok("queue", "alter", "q", "--no-topic", "--url", URL)
    assert "topic" not in ok("queue", "show", "q", "--url", URL).out
