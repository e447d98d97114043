"""`msgq dead`: list, show, retry, delete."""

import uuid

import pytest

import msgq
from tests.support.cli import call, ok

URL = "sqlite:///store.db"


@pytest.fixture
def dead() -> list[str]:
    """Five dead letters of the queue `q`, oldest first."""
    ids = []
    with msgq.connect(URL) as client:
        queue = client.queue("q")
        for number in range(5):
            ids.append(str(queue.enqueue(number).id))
            (delivery,) = queue.claim(1, wait=5)
            delivery.reject(f"reason {number}")
    return ids


def listed(*arguments: object) -> list[str]:
    page = ok("dead", "list", *arguments, "--url", URL, "--json").json
    return [each["id"] for each in page["messages"]]


def test_list_of_a_queue_and_of_all(dead: list[str]) -> None:
    assert listed("q") == dead
    assert listed() == dead
    text = ok("dead", "list", "q", "--url", URL).out
    assert "reason 3" in text


def test_list_is_paged(dead: list[str]) -> None:
    first = ok("dead", "list", "q", "--limit", 3, "--url", URL, "--json").json
    assert [each["id"] for each in first["messages"]] == dead[:3]
    assert listed("q", "--limit", 3, "--after", first["next"]) == dead[3:]


def test_show(dead: list[str]) -> None:
    record = ok("dead", "show", "q", dead[1], "--url", URL, "--json").json
    assert record["reason"] == "reason 1"
    assert record["state"] == "dead"
    assert [each["at"][:2] for each in record["history"]] == ["20"] * len(record["history"])
    text = ok("dead", "show", "q", dead[1], "--url", URL).out
    assert "reason 1" in text


def test_show_of_a_message_that_lives_is_refused() -> None:
    with msgq.connect(URL) as client:
        living = client.queue("q").enqueue(1).id
    answer = call("dead", "show", "q", living, "--url", URL)
    assert answer.status == 3
    assert "no dead letter" in answer.err


def test_retry_of_one_and_of_all(dead: list[str]) -> None:
    assert ok("dead", "retry", "q", dead[0], "--url", URL, "--json").json["sent_again"] == 1
    assert listed("q") == dead[1:]
    assert (
        ok("dead", "retry", "q", "--all", "--yes", "--url", URL, "--json").json["sent_again"] == 4
    )
    assert listed("q") == []
    assert ok("queues", "--url", URL, "--json").json[0]["waiting"] == 5


def test_delete(dead: list[str]) -> None:
    assert "2 dead letters of q removed" in ok("dead", "delete", "q", *dead[:2], "--url", URL).out
    assert listed("q") == dead[2:]
    ok("dead", "delete", "q", "--all", "--yes", "--url", URL)
    assert listed("q") == []
    assert ok("queues", "--url", URL, "--json").json[0]["waiting"] == 0


def test_ids_that_are_not_dead_are_told(dead: list[str]) -> None:
    answer = call("dead", "delete", "q", dead[0], uuid.uuid4(), "--url", URL, "--json")
    assert answer.status == 3
    assert answer.json == {"queue": "q", "removed": 1, "missing": 1}


@pytest.mark.parametrize("verb", ["retry", "delete"])
def test_nothing_is_guessed(dead: list[str], verb: str) -> None:
    assert call("dead", verb, "q", "--url", URL).status == 2
    assert call("dead", verb, "q", dead[0], "--all", "--url", URL).status == 2
    asked = call("dead", verb, "q", "--all", "--url", URL)
    assert asked.status == 2
    assert "Nobody can answer here. Next: add --yes" in asked.err
    assert listed("q") == dead
