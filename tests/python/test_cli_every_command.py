"""What every command has: an answer in JSON, the store that MSGQ_URL names, errors in JSON."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import msgq
from tests.support.cli import call, ok, process
from tests.support.stores import POSTGRES, url_of

SQLITE = "sqlite:///store.db"
Ids = dict[str, str]
APP = """
import msgq
app = msgq.App()
@app.handler(queue="work", name="*")
def work(body: bytes) -> None: ...
"""

COMMANDS: dict[str, Callable[[Ids], list[object]]] = {
    "enqueue": lambda _: ["enqueue", "q", "1"],
    "queues": lambda _: ["queues"],
    "stats": lambda _: ["stats"],
    "stats --watch": lambda _: ["stats", "--watch", "--times", 2, "--interval", "1ms"],
    "messages": lambda _: ["messages", "q"],
    "messages ID": lambda ids: ["messages", "q", ids["waiting"]],
    "dead list": lambda _: ["dead", "list"],
    "dead show": lambda ids: ["dead", "show", "q", ids["dead"]],
    "dead count": lambda _: ["dead", "count"],
    "dead analyze": lambda _: ["dead", "analyze"],
    "dead export": lambda _: ["dead", "export", "letters.jsonl"],
    "dead purge": lambda _: ["dead", "purge", "q", "--yes"],
    "dead retry": lambda ids: ["dead", "retry", "q", ids["dead"]],
    "dead delete": lambda ids: ["dead", "delete", "q", ids["dead"]],
    "queue pause": lambda _: ["queue", "pause", "q"],
    "queue show": lambda _: ["queue", "show", "q"],
    "queue alter": lambda _: ["queue", "alter", "q", "--max-length", 9],
    "queue resume": lambda _: ["queue", "resume", "q"],
    "subscription create": lambda _: ["subscription", "create", "q", "s"],
    "subscription list": lambda _: ["subscription", "list", "q"],
    "purge": lambda _: ["purge", "q", "--yes"],
    "delete-queue": lambda _: ["delete-queue", "q", "--yes"],
    "backup": lambda _: ["backup", "copy.db"],
    "config": lambda _: ["config"],
    "bench": lambda _: ["bench", "--messages", 10],
    "check": lambda _: ["check"],
}
# A field of the first record that only the store of the fixture can have answered.
TELLS: dict[str, Callable[[dict[str, object]], bool]] = {
    "enqueue": lambda found: found["enqueued"] == 1,
    "stats": lambda found: "q" in str(found["queues"]),
    "config": lambda found: found["url"] == os.environ["MSGQ_URL"],
    "bench": lambda found: found["url"] == os.environ["MSGQ_URL"],
    "check": lambda found: os.environ["MSGQ_URL"] in str(found),
}
# What a store cannot do, or says no to: the tests' server does not flush.
STATUS = {(POSTGRES, "backup"): 8, (POSTGRES, "check"): 1}


@pytest.fixture(params=[SQLITE, POSTGRES])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each store that another process can use, named by MSGQ_URL."""
    monkeypatch.setenv("MSGQ_URL", url_of(request))
    return str(request.param)


@pytest.fixture
def ids(store: str) -> Ids:
    """A queue with one message that waits and one dead letter."""
    with msgq.connect() as client:
        queue = client.queue("q")
        dead = queue.enqueue("dead").id
        (delivery,) = queue.claim(1, wait=5)
        delivery.reject("no")
        return {"dead": str(dead), "waiting": str(queue.enqueue("waiting").id)}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_and_the_store_of_the_environment(name: str, store: str, ids: Ids) -> None:
    answer = call(*COMMANDS[name](ids), "--json")
    status = STATUS.get((store, name), 0)
    assert answer.status == status, answer.err
    if status == 8:
        assert json.loads(answer.err)["error"] == "UnsupportedError"
        return
    records = [json.loads(line) for line in answer.lines]
    assert len(records) == (2 if name == "stats --watch" else 1)
    if name in TELLS:
        assert TELLS[name](records[0])
    assert sorted(each.name for each in Path.cwd().glob("*.db")) == (
        [] if store == POSTGRES else ["copy.db", "store.db"] if name == "backup" else ["store.db"]
    )


def test_the_worker_too(ids: Ids) -> None:
    Path("shop.py").write_text(APP)
    ok("enqueue", "work", "1")
    url = os.environ["MSGQ_URL"]
    done = process("worker", "shop:app", "--burst", "--json", cwd=Path.cwd(), MSGQ_URL=url)
    assert done.status == 0, done.err
    assert all(json.loads(line)["level"] for line in done.err.splitlines())
    depths = {each["queue"]: each for each in ok("queues", "--json").json}
    assert depths["work"]["done"] == 1


def test_delete_queue_says_what_it_did(ids: Ids) -> None:
    answer = ok("delete-queue", "q", "--yes", "--json").json
    assert answer == {"queue": "q", "deleted": True}
    assert ok("queues", "--json").json == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "config"])
def test_an_error_is_one_json_record(name: str) -> None:
    Path("store.db").write_bytes(b"somebody's diary" * 100)
    ids = dict.fromkeys(("dead", "waiting"), "0198c0de-0000-7000-8000-000000000000")
    answer = call(*COMMANDS[name](ids), "--json", MSGQ_URL=SQLITE)
    if name == "check":
        assert answer.status == 1
        assert answer.json["ok"] is False
        return
    record = json.loads(answer.err)
    assert answer.status == record["exit"] == 5
    assert record["error"] == "SchemaError"
    assert "store.db" in record["message"]
    assert record["next"]
    assert answer.out == ""
