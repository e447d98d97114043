"""`msgq dead retry`, `delete`, `purge`: by id, by what fits, all; never by guessing."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

import msgq
from msgq.dead import DeadLetters
from tests.support.cli import Running, call, ok
from tests.support.letters import bury
from tests.support.stores import POSTGRES
from tests.support.terminal import Terminal

URL = "sqlite:///store.db"


@pytest.fixture
def dead() -> list[str]:
    """Five dead letters of the queue `q`, oldest first."""
    with msgq.connect(URL) as client:
        queue = client.queue("q")
        return [key for n in range(5) for key in bury(queue, [n], reason=f"reason {n}")]


def listed() -> list[str]:
    page = ok("dead", "list", "--url", URL, "--json").json
    return [each["id"] for each in page["messages"]]


def waiting() -> int:
    return sum(each["waiting"] for each in ok("queues", "--url", URL, "--json").json)


def test_retry_of_one_and_of_all(dead: list[str]) -> None:
    assert ok("dead", "retry", "q", dead[0], "--url", URL, "--json").json["sent_again"] == 1
    assert listed() == dead[1:]
    assert (
        ok("dead", "retry", "q", "--all", "--yes", "--url", URL, "--json").json["sent_again"] == 4
    )
    assert listed() == []
    assert waiting() == 5


def test_retry_of_those_that_fit(dead: list[str]) -> None:
    answer = ok("dead", "retry", "--reason", "reason 2", "--yes", "--url", URL)
    assert "1 dead letters of all queues sent again" in answer.out
    assert listed() == [*dead[:2], *dead[3:]]
    ok("dead", "retry", "q", "--all", "--limit", 2, "--rate", 1_000, "--yes", "--url", URL)
    assert listed() == dead[3:]
    assert waiting() == 3


def test_delete(dead: list[str]) -> None:
    assert "2 dead letters of q removed" in ok("dead", "delete", "q", *dead[:2], "--url", URL).out
    assert listed() == dead[2:]
    ok("dead", "delete", "--text", "reason 4", "--yes", "--url", URL)
    assert listed() == dead[2:4]
    ok("dead", "delete", "q", "--all", "--yes", "--url", URL)
    assert listed() == []
    assert waiting() == 0


def test_purge(dead: list[str]) -> None:
    with msgq.connect(URL) as client:
        bury(client.queue("other"), [1])
        client.queue("q").enqueue("waiting")
    asked = call("dead", "purge", "q", "--url", URL)
    assert asked.status == 2
    assert "Remove 5 dead letters of q for good? Nobody can answer here" in asked.err
    assert ok("dead", "purge", "q", "--yes", "--url", URL, "--json").json["removed"] == 5
    assert len(listed()) == 1
    assert waiting() == 1


@pytest.mark.parametrize(("verb", "key"), [("retry", "sent_again"), ("delete", "removed")])
def test_a_dry_run_does_nothing(dead: list[str], verb: str, key: str) -> None:
    for chosen, count in ((dead[:2], 2), (["--reason", "reason"], 5), (["--all"], 5)):
        answer = ok("dead", verb, "q", *chosen, "--dry-run", "--url", URL, "--json").json
        assert answer == {"queue": "q", "dry_run": True, key: count, "missing": 0}
    text = ok("dead", verb, "--all", "--dry-run", "--url", URL).out
    assert f"5 dead letters of all queues would be {key.replace('_', ' ')}" in text
    assert listed() == dead


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_ids_that_are_not_dead_are_told(dead: list[str], more: list[str]) -> None:
    answer = call("dead", "delete", "q", dead[0], uuid.uuid4(), *more, "--url", URL, "--json")
    assert answer.status == 3
    assert (answer.json["removed"], answer.json["missing"]) == (1, 1)


@pytest.mark.parametrize("verb", ["retry", "delete"])
def test_nothing_is_guessed(dead: list[str], verb: str) -> None:
    for said in ([], [dead[0], "--all"], [dead[0], "--text", "x"], ["--all", "--text", "x"]):
        answer = call("dead", verb, "q", *said, "--url", URL)
        assert answer.status == 2
        assert "name the ids of dead letters, or options that choose them" in answer.err
    for said in (["--all"], ["--text", "reason"]):
        asked = call("dead", verb, "q", *said, "--url", URL)
        assert asked.status == 2
        assert "Nobody can answer here. Next: add --yes" in asked.err
    assert listed() == dead


def test_how_far_it_came_is_told(dead: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(self: DeadLetters, *, rate: float, progress: Callable[[int], None]) -> None:
        progress(3)
        raise msgq.errors.StoreUnavailableError("the store went away")

    monkeypatch.setattr(DeadLetters, "redrive", cut)
    answer = call("dead", "retry", "--all", "--yes", "--url", URL)
    assert answer.status == 4
    assert "msgq: 3 were sent again; the others are dead letters as before" in answer.err


def test_each_needs_a_terminal_and_goes_with_choosing_only(dead: list[str]) -> None:
    answer = call("dead", "retry", "q", "--each", "--url", URL)
    assert answer.status == 2
    assert "nobody can answer here" in answer.err
    for more in (["--yes"], ["--dry-run"], ["--rate", 3], ["--json"], [dead[0]]):
        answer = call("dead", "retry", "q", *more, "--each", "--url", URL)
        assert answer.status == 2
        assert "--each asks about every one" in answer.err


@pytest.mark.parametrize("url", [URL, POSTGRES], indirect=True)
def test_a_retry_that_is_killed_loses_nothing_and_doubles_nothing(url: str) -> None:
    with msgq.connect(url, profile="test") as client:
        queue = client.queue("q")
        dead = bury(queue, range(100))
        arguments = ("dead", "retry", "--all", "--yes", "--rate", 50, "--url", url)
        with Running(*arguments) as running:
            while not queue.depth().waiting:
                assert running.process.poll() is None
            running.process.kill()
            running.process.wait()
        depth = queue.depth()  # one look: what the server still does for the killed is in it or not
        assert 0 < depth.waiting < 100
        assert depth.waiting + depth.dead == 100
        queue.dead_letters().redrive()
        assert [str(each.id) for each in queue.messages()] == dead
        assert queue.dead_letters().count() == 0


def test_on_a_terminal_it_asks_and_shows_how_far_it_is() -> None:
    with msgq.connect(URL) as client:
        bury(client.queue("q"), range(40))
        arguments = ("dead", "retry", "q", "--text", "no", "--rate", 20, "--url", URL)
        with Terminal(*arguments, cwd=Path.cwd()) as screen:
            screen.shows(r"Send 40 dead letters of q again\? \[y/N\]")
            screen.type("y\n")
            screen.shows(r"sent again [1-9][0-9]* .* [0-9]+/s")
            screen.shows("40 dead letters of q sent again")
            assert screen.status() == 0
        assert client.queue("q").depth().waiting == 40
        with Terminal("dead", "purge", "q", "--url", URL, cwd=Path.cwd()) as screen:
            screen.shows(r"Remove 0 dead letters of q for good\? \[y/N\]")
            screen.type("n\n")
            assert screen.status() == 1
