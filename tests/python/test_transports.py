"""A client of several transports: which one a call is about, and how they live and end together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import msgq
from tests.support.cli import call, ok

URLS = {"default": "sqlite:///a.db", "fast": "sqlite:///b.db"}


@pytest.fixture
def two() -> Iterator[msgq.Client]:
    """Two files."""
    with msgq.connect(urls=URLS, profile="test", queue_transports={"clicks": "fast"}) as made:
        yield made


def test_a_queue_lives_where_the_settings_say_or_the_call(two: msgq.Client) -> None:
    for queue, transport in (
        (two.queue("clicks"), "fast"), (two.queue("mails"), "default"),
        (two.queue("clicks", transport="default"), "default"),
        (two.queue("mails", transport="fast"), "fast"), (two.at("fast").queue("mails"), "fast"),
    ):  # fmt: skip
        assert queue.transport == transport
        key = queue.enqueue(b"x").id
        assert queue.find(key).body == b"x"
        assert queue.depth().transport == transport
    assert two.transports == ("default", "fast")
    assert two.at("default") is two
    assert two.at("fast") is two.at("fast").at("fast")
    assert two.at("fast").at("default") is two
    assert "fast: sqlite:///b.db" in repr(two.at("fast"))
    assert two.queues() == ["clicks", "mails"]
    assert two.at("fast").queues() == ["clicks", "mails"]


def test_stats_tell_of_all_and_name_each(two: msgq.Client) -> None:
    two.queue("clicks").enqueue_many([b"x"] * 3)
    two.queue("mails").enqueue(b"x")
    two.queue("mails", transport="fast").enqueue_many([b"x"] * 5)
    stats = two.stats()
    assert sorted((each.transport, each.queue, each.waiting) for each in stats.depth) == [
        ("default", "mails", 1), ("fast", "clicks", 3), ("fast", "mails", 5),
    ]  # fmt: skip
    assert stats.depth_of("mails", "fast").waiting == 5
    assert stats.depth_of("mails").waiting == 1
    assert stats.depth_of("clicks", "default").waiting == 0
    assert stats.traffic_of("clicks").transport == "fast"
    assert stats.others["fast"].store.store_bytes > 0
    assert set(stats.to_dict()["others"]) == {"fast"}
    assert [each.queue for each in two.at("fast").stats().depth] == ["clicks", "mails"]
    two.queue("clicks").enqueue(b"x")
    assert two.stats().traffic_of("clicks").enqueue_rate > 0


def test_dead_letters_are_those_of_the_queues_transport(two: msgq.Client) -> None:
    for name in ("clicks", "mails"):
        two.queue(name).enqueue(b"x")
        two.queue(name).claim(wait=5)[0].reject("no")
    assert two.dead_letters("clicks").count() == 1
    assert [each.queue for each in two.dead_letters()] == ["mails"]
    assert [each.queue for each in two.at("fast").dead_letters()] == ["clicks"]
    assert two.queue("clicks").dead_letters().redrive().done == 1
    assert two.at("fast").dead() == []
    assert [each.queue for each in two.audit()] == ["mails"]
    with Path("letters.jsonl").open("wb") as file:
        assert two.dead_letters().export(file) == 1
    with Path("letters.jsonl").open("rb") as file:
        assert two.import_dead_letters(file, queue="clicks") == 1
    assert two.queue("clicks").depth().waiting == 2


def test_they_are_closed_together() -> None:
    app = msgq.App(urls=URLS, profile="test")
    fast, unused = app.at("fast"), app.queue("q", transport="fast")
    assert not app.is_open
    app.queue("q", transport="fast").enqueue(b"x")
    assert (app.is_open, app._engine) == (True, None)
    with pytest.raises(msgq.ClosedError, match="open already"):
        app.configure(lease=9)
    assert app.close() is True
    assert app.close() is True
    assert (app.is_open, fast.is_open) == (False, False)
    for late in (
        lambda: unused.enqueue(b"x"), lambda: app.queue("q").enqueue(b"x"),
        lambda: app.at("fast").open(), lambda: app.open(),
        lambda: app.queue("q", transport="fast").enqueue(b"x"),
    ):  # fmt: skip
        with pytest.raises(msgq.ClosedError):
            late()


def test_what_was_closed_before_its_transports_were_asked_for() -> None:
    app = msgq.App(urls=URLS)
    app.close()
    with pytest.raises(msgq.ClosedError):
        app.queue("q", transport="fast").enqueue(b"x")


SCRIPT = """
import os, msgq
app = msgq.App(urls={"default": "sqlite:///a.db", "fast": "sqlite:///b.db"}, profile="test")
queue = app.queue("q", transport="fast")
queue.enqueue_later(b"1")
if child := os.fork():
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
else:
    try:
        queue.enqueue(b"2")
    except msgq.ClosedError as error:
        assert "fast" in str(error), error
        os._exit(0)
    os._exit(1)
app.queue("q").enqueue_later(b"3")
"""


def test_exit_closes_them_and_a_fork_has_none(two: msgq.Client) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
    assert [two.queue("q", transport=name).depth().waiting for name in two.transports] == [1, 1]


def test_a_client_that_is_dropped_leaves_nothing_open() -> None:
    seen = msgq.App(urls=URLS, profile="test")
    seen.open()
    seen.close()
    assert Path("a.db").exists()
    assert Path("b.db").exists()


# --- the command line ---


@pytest.fixture
def said(two: msgq.Client, monkeypatch: pytest.MonkeyPatch) -> msgq.Client:
    """The same two in the settings, with something in each."""
    monkeypatch.setenv("MSGQ_URL", URLS["default"])
    monkeypatch.setenv("MSGQ_URL_FAST", URLS["fast"])
    monkeypatch.setenv("MSGQ_QUEUE_TRANSPORTS", "clicks=fast")
    two.queue("clicks").enqueue_many([b"x"] * 3)
    two.queue("mails").enqueue(b"x")
    two.queue("only", transport="fast").enqueue(b"x")
    return two


def test_looks_cover_all_and_name_each(said: msgq.Client) -> None:
    found = ok("queues", "--json").json
    assert [(each["transport"], each["queue"], each["waiting"]) for each in found] == [
        ("default", "mails", 1), ("fast", "clicks", 3), ("fast", "only", 1),
    ]  # fmt: skip
    assert ok("queues").lines[0].split()[-1] == "transport"
    told = ok("stats")
    assert told.lines[0].split()[-1] == "transport"
    assert [line.partition(":")[0] for line in told.lines[-2:]] == ["store", "store fast"]
    assert ok("stats", "--json").json["others"]["fast"]["store_bytes"] > 0
    one = ok("queues", "--url", "fast")
    assert "transport" not in one.lines[0]
    assert [each["queue"] for each in ok("queues", "--url", "fast", "--json").json] == [
        "clicks", "only",
    ]  # fmt: skip


def test_a_queue_is_found_where_it_is(said: msgq.Client) -> None:
    assert len(ok("messages", "clicks", "--json").json["messages"]) == 3
    assert len(ok("messages", "only", "--json").json["messages"]) == 1
    ok("enqueue", "clicks", '"y"')
    assert said.queue("clicks").depth().waiting == 4
    ok("purge", "only", "--yes")
    assert said.queue("only", transport="fast").depth().waiting == 0
    assert call("messages", "nothing").status == 3
    said.queue("only", transport="fast").enqueue(b"z")
    said.queue("only", transport="fast").claim(wait=5)[0].reject("no")
    (letter,) = ok("dead", "list", "only", "--json").json["messages"]
    assert ok("dead", "list", "--url", "fast", "--json").json["messages"] == [letter]
    assert ok("dead", "show", letter["id"], "--json").json["id"] == letter["id"]
    ok("dead", "retry", "only", "--all", "--yes")
    assert said.queue("only", transport="fast").depth().dead == 0


def test_a_check_is_of_each(said: msgq.Client) -> None:
    said.close()  # a check reads the files, and may not do so where they are open
    answer = call("check", "--deep", "--json").json
    names = [each["name"] for each in answer["checks"]]
    assert "default: url" in names
    assert "fast: round trip" in names
    assert "fast: messages of clicks" in names
    assert all(": " in name for name in names)
    only = call("check", "--url", "fast", "--json").json
    assert "b.db" in only["checks"][0]["detail"]


def test_a_transport_nobody_named(said: msgq.Client) -> None:
    answer = call("queues", "--url", "fats")
    assert answer.status == 2
    assert "there are default, fast; did you mean 'fast'?" in answer.err


def test_a_store_that_is_not_there_yet_is_named(said: msgq.Client) -> None:
    answer = call("queues", MSGQ_URL_FAR="sqlite:///far.db")
    assert answer.status == 3
    assert "far.db" in answer.err
    assert "(transport 'far')" in answer.err
    assert not Path("far.db").exists()
