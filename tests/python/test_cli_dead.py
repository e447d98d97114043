"""`msgq dead list`, `count`, `show`: looking at what was given up on."""

import uuid
from pathlib import Path

import pytest

import msgq
from tests.support.cli import call, ok
from tests.support.letters import bury, fail

URL = "sqlite:///store.db"


@pytest.fixture
def dead() -> list[str]:
    """Five dead letters of the queue `q`, oldest first."""
    with msgq.connect(URL) as client:
        queue = client.queue("q")
        return [key for n in range(5) for key in bury(queue, [n], reason=f"reason {n}")]


@pytest.fixture
def failed() -> list[str]:
    """Two that a handler failed."""
    with msgq.App(URL, profile="test") as app:
        return fail(app, [ValueError("no such user"), KeyError("x")])


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


def test_list_of_those_that_fit(dead: list[str], failed: list[str]) -> None:
    assert listed("--error", "ValueError") == failed[:1]
    assert listed("--handler", "shop.fails") == failed
    assert listed("--reason", "reason 3") == dead[3:4]
    assert listed("--text", "NO SUCH USER") == failed[:1]
    assert listed("q", "--since", "1h", "--text", "reason") == dead
    assert listed("--until", "1h") == []
    assert listed("--since", "2100-01-01T00:00Z") == []
    first = ok("dead", "list", "--text", "reason", "--limit", 2, "--url", URL, "--json").json
    assert listed("--text", "reason", "--after", first["next"]) == dead[2:]


def test_count(dead: list[str], failed: list[str]) -> None:
    def counted(*arguments: object) -> object:
        return ok("dead", "count", *arguments, "--url", URL, "--json").json["dead"]

    assert counted() == 7
    assert counted("q") == 5
    assert counted("--error", "ValueError") == 1
    assert "7 dead letters of all queues" in ok("dead", "count", "--url", URL).out


def test_show(dead: list[str]) -> None:
    record = ok("dead", "show", "q", dead[1], "--url", URL, "--json").json
    assert record["reason"] == "reason 1"
    assert record["state"] == "dead"
    assert [each["at"][:2] for each in record["history"]] == ["20"]
    text = ok("dead", "show", "q", dead[1], "--url", URL).out
    assert "reason 1" in text


def test_show_by_the_id_alone_with_every_attempt(dead: list[str], failed: list[str]) -> None:
    record = ok("dead", "show", failed[0], "--url", URL, "--json").json
    assert (record["queue"], record["error"]) == ("fails", "ValueError")
    (attempt,) = record["history"]
    assert set(attempt) == {"at", "worker", "ms", "error", "text", "trace"}
    text = ok("dead", "show", failed[0], "--url", URL).out
    assert f"failure 1:  {attempt['at']} at {attempt['worker']} after " in text
    assert "    ValueError: no such user\n" in text
    assert "raise next(raised)" in text


def test_show_of_a_message_that_lives_is_refused() -> None:
    with msgq.connect(URL) as client:
        living = client.queue("q").enqueue(1).id
    for arguments in (("q", living), (living,), ("q", uuid.uuid4()), (uuid.uuid4(),)):
        answer = call("dead", "show", *arguments, "--url", URL)
        assert answer.status == 3
        assert "no dead letter" in answer.err or "no message" in answer.err


def test_show_of_no_id_says_what_to_give(dead: list[str]) -> None:
    answer = call("dead", "show", "q", "--url", URL)
    assert answer.status == 2
    assert "'q' is no message id" in answer.err


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("wrong", ["yesterday", "2030-01-31T12:00", "-1"])
def test_a_senseless_age_is_refused(dead: list[str], option: str, wrong: str) -> None:
    for command in ("list", "count", "analyze"):
        answer = call("dead", command, f"{option}={wrong}", "--url", URL)
        assert answer.status == 2
        assert f"msgq: {option[2:]} " in answer.err
        assert "Next: " in answer.err


def test_a_queue_that_is_not_there(dead: list[str]) -> None:
    Path("letters.jsonl").touch()
    for command in (["list"], ["count"], ["analyze"], ["retry"], ["delete"], ["export", "-"]):
        more = ["--all"] if command[0] in {"retry", "delete"} else []
        answer = call("dead", *command, "nowhere", *more, "--url", URL)
        assert answer.status == 3
        assert "no queue named 'nowhere'; there are: q" in answer.err
