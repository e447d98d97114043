"""`msgq dead export` and `import`: there and back, whole or not at all."""

import json
import os
from pathlib import Path

import pytest

import msgq
from msgq.dead import DeadLetters
from msgq.dead_import import Importer
from tests.support.cli import call, ok, process
from tests.support.letters import bury

URL = "sqlite:///store.db"
FILE = "letters.jsonl"


@pytest.fixture
def dead() -> list[str]:
    """Dead letters of two queues."""
    with msgq.connect(URL) as client:
        return bury(client.queue("q"), ["a", "b", b"\xff"]) + bury(client.queue("r"), ["c"])


def read() -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(FILE).read_text().splitlines()]


def depths() -> dict[str, tuple[int, int]]:
    found = ok("queues", "--url", URL, "--json").json
    return {each["queue"]: (each["waiting"], each["dead"]) for each in found}


def test_there_and_back(dead: list[str]) -> None:
    assert ok("dead", "export", FILE, "--url", URL, "--json").json["exported"] == 4
    assert [each["id"] for each in read()] == dead
    assert Path(FILE).stat().st_mode & 0o777 == 0o600
    assert depths() == {"q": (0, 3), "r": (0, 1)}
    assert "4 messages enqueued" in ok("dead", "import", FILE, "--url", URL).out
    assert depths() == {"q": (3, 3), "r": (1, 1)}
    ok("dead", "import", FILE, "--queue", "s", "--url", URL)
    assert depths()["s"] == (4, 0)


def test_those_that_fit(dead: list[str]) -> None:
    ok("dead", "export", FILE, "q", "--text", "b", "--url", URL)
    assert [each["id"] for each in read()] == dead[1:2]


def test_through_a_pipe(dead: list[str]) -> None:
    out = process("dead", "export", "-", "q", "--url", URL, cwd=Path.cwd())
    assert out.status == 0
    assert "3 dead letters of q exported" in out.err
    back = process("dead", "import", "-", "--url", URL, "--json", cwd=Path.cwd(), stdin=out.out)
    assert back.json["enqueued"] == 3
    assert depths()["q"] == (3, 3)


def test_into_a_store_that_was_not_there(dead: list[str]) -> None:
    ok("dead", "export", FILE, "--url", URL)
    ok("dead", "import", FILE, "--url", "sqlite:///new.db")
    assert len(ok("queues", "--url", "sqlite:///new.db", "--json").json) == 2


def test_an_export_never_overwrites(dead: list[str]) -> None:
    Path(FILE).write_text("mine")
    answer = call("dead", "export", FILE, "--url", URL)
    assert answer.status == 2
    assert "never overwrites" in answer.err
    assert Path(FILE).read_text() == "mine"


def test_an_export_that_fails_leaves_no_file(
    dead: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    answer = call("dead", "export", FILE, "--url", URL)
    assert answer.status == 2
    assert "No space left on device" in answer.err
    assert list(Path.cwd().glob(f"{FILE}*")) == []


def test_a_store_that_goes_away_meanwhile_is_told_as_such(
    dead: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: DeadLetters, _out: object, **_more: object) -> None:
        raise msgq.errors.StoreUnavailableError("the store went away")

    monkeypatch.setattr(DeadLetters, "export", fail)
    answer = call("dead", "export", FILE, "--url", URL)
    assert answer.status == 4
    assert list(Path.cwd().glob(f"{FILE}*")) == []


@pytest.mark.parametrize("command", [["export", "no/such/folder"], ["import", "no/such/file"]])
def test_a_file_that_cannot_be(dead: list[str], command: list[str]) -> None:
    answer = call("dead", *command, "--url", URL)
    assert answer.status == 3
    assert "No such file or directory" in answer.err


def test_a_bad_line_is_named_and_nothing_is_sent(dead: list[str]) -> None:
    ok("dead", "export", FILE, "--url", URL)
    with Path(FILE).open("a") as out:
        out.write('{"msgq_dead_letter": 1, "queue": "q"}\n')
    for more in ([], ["--dry-run"]):
        answer = call("dead", "import", FILE, *more, "--url", URL)
        assert answer.status == 2
        assert "line 5: it is no dead letter" in answer.err
    assert depths() == {"q": (0, 3), "r": (0, 1)}


def test_a_dry_run_checks_only(dead: list[str]) -> None:
    ok("dead", "export", FILE, "--url", URL)
    assert ok("dead", "import", FILE, "--dry-run", "--url", URL, "--json").json == {
        "file": FILE, "dry_run": True, "enqueued": 0, "checked": 4,
    }  # fmt: skip
    assert (
        "4 dead letters in letters.jsonl, all good"
        in ok("dead", "import", FILE, "--dry-run", "--url", URL).out
    )
    assert depths() == {"q": (0, 3), "r": (0, 1)}


def test_it_says_where_to_go_on(dead: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ok("dead", "export", FILE, "--url", URL)
    put = Importer._put

    def cut(self: Importer, batch: list[object]) -> None:
        if self.line >= 3:
            raise msgq.errors.StoreUnavailableError("the store went away")
        put(self, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as cutting:
        cutting.setattr(Importer, "_put", cut)
        answer = call("dead", "import", FILE, "--url", URL)
    assert answer.status == 4
    assert "enqueued up to line 3; go on with --from-line 4" in answer.err
    ok("dead", "import", FILE, "--from-line", 4, "--url", URL)
    assert depths() == {"q": (3, 3), "r": (1, 1)}
