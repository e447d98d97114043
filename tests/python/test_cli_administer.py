"""`msgq purge`, `msgq delete-queue`, `msgq backup`."""

from pathlib import Path

import pytest

import msgq
from tests.support.cli import call, ok

URL = "sqlite:///store.db"


@pytest.fixture(autouse=True)
def store() -> None:
    with msgq.connect(URL) as client:
        client.queue("q").enqueue_many(range(10))
        client.queue("q").enqueue(11, delay="1h")
        client.queue("other").enqueue(1)


def test_purge_removes_what_waits_and_what_is_parked() -> None:
    assert ok("purge", "q", "--yes", "--url", URL, "--json").json == {"queue": "q", "purged": 11}
    depths = {each["queue"]: each for each in ok("queues", "--url", URL, "--json").json}
    assert depths["q"]["waiting"] == depths["q"]["parked"] == 0
    assert depths["other"]["waiting"] == 1
    assert "0 messages purged" in ok("purge", "q", "--yes", "--url", URL).out


def test_delete_queue() -> None:
    assert "queue q deleted" in ok("delete-queue", "q", "--yes", "--url", URL).out
    assert [each["queue"] for each in ok("queues", "--url", URL, "--json").json] == ["other"]


@pytest.mark.parametrize("verb", ["purge", "delete-queue"])
def test_both_ask_and_take_no_silence_for_a_yes(verb: str) -> None:
    answer = call(verb, "q", "--url", URL)
    assert answer.status == 2
    assert "add --yes" in answer.err
    assert call(verb, "typo", "--yes", "--url", URL).status == 3


def test_questions_are_answered_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msgq.cli.store.has_terminal", lambda: True)
    no = call("purge", "q", "--url", URL, stdin="n\n")
    assert no.status == 1
    assert "nothing done" in no.err
    assert "11 messages purged" in ok("purge", "q", "--url", URL, stdin="y\n").out


def test_backup_is_a_store(tmp_path: Path) -> None:
    answer = ok("backup", "copy.db", "--url", URL, "--json").json
    assert answer["bytes"] == Path("copy.db").stat().st_size > 0
    assert Path("copy.db").stat().st_mode & 0o777 == 0o600
    with msgq.connect("sqlite:///copy.db") as client:
        assert [d.value() for d in client.queue("q").claim(100, wait=5)] == list(range(10))


def test_backup_never_overwrites(tmp_path: Path) -> None:
    Path("copy.db").write_text("mine")
    answer = call("backup", "copy.db", "--url", URL)
    assert answer.status == 2
    assert "exists; a backup never overwrites" in answer.err
    assert Path("copy.db").read_text() == "mine"


def test_backup_of_memory_is_unsupported() -> None:
    answer = call("backup", "copy.db", "--url", "memory://")
    assert answer.status == 8
    assert "memory" in answer.err
    assert not Path("copy.db").exists()
