"""`msgq dead analyze`: for people and as JSON."""

import msgq
from msgq.cli import dead_analyze
from tests.support.cli import call, ok
from tests.support.letters import bury

URL = "sqlite:///store.db"


def test_as_json_and_as_text() -> None:
    with msgq.connect(URL) as client:
        first, *_ = bury(client.queue("q"), range(3), reason="no room for 7")
        bury(client.queue("r"), [1], reason="other")
    record = ok("dead", "analyze", "--url", URL, "--json").json
    assert (record["count"], record["mean_attempts"], record["queue"]) == (4, 1.0, None)
    assert record["by_queue"] == {"q": 3, "r": 1}
    (group,) = record["groups"]
    assert (group["count"], group["reason"], group["example"]) == (3, "no room for *", first)
    assert group["first_at"] <= group["last_at"]
    text = ok("dead", "analyze", "--url", URL).out
    assert "4 dead letters of all queues, 100.0% of what ended; 1.0 attempts in the mean" in text
    assert "no room for *" in text


def test_of_those_that_fit() -> None:
    with msgq.connect(URL) as client:
        bury(client.queue("q"), range(3))
    assert ok("dead", "analyze", "q", "--since", "1h", "--url", URL, "--json").json["count"] == 3
    assert ok("dead", "analyze", "--until", "1h", "--url", URL, "--json").json["count"] == 0
    assert "0 dead letters of q" in ok("dead", "analyze", "q", "--until", "1h", "--url", URL).out


def test_long_lists_are_cut_in_text() -> None:
    with msgq.connect(URL) as client:
        for number in range(dead_analyze.ROWS + 2):
            bury(client.queue(f"q{number}"), [1])
    assert "(2 more; --json has all)" in ok("dead", "analyze", "--url", URL).out


def test_a_bound_fails_it() -> None:
    with msgq.connect(URL) as client:
        queue = client.queue("q")
        bury(queue, [1])
        queue.enqueue_many(range(3))
        for delivery in queue.claim(3, wait=5):
            delivery.ack()
    answer = call("dead", "analyze", "--fail-if", "share >= 0.25", "--url", URL, "--json")
    assert answer.status == 1
    assert answer.json["share"] == 0.25
    assert "--fail-if holds: share >= 0.25" in answer.err
    ok("dead", "analyze", "--fail-if", "share > 0.25 or groups > 0", "--url", URL)
    wrong = call("dead", "analyze", "--fail-if", "shares > 1", "--url", URL)
    assert wrong.status == 2
    assert "it has: count, share, mean_attempts, groups" in wrong.err
