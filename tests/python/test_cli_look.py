"""`msgq queues`, `msgq stats`, `msgq messages`."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import msgq
from tests.support.cli import Running, call, command, environment, ok

URL = "sqlite:///store.db"


@pytest.fixture
def client() -> Iterator[msgq.Client]:
    with msgq.connect(URL) as made:
        yield made


def test_looking_makes_no_store() -> None:
    for looking in (["queues"], ["stats"], ["messages", "q"], ["dead", "list"]):
        answer = call(*looking, "--url", "sqlite:///typo.db")
        assert answer.status == 3
        assert "no store at typo.db; the first enqueue, or a worker, makes one" in answer.err
    assert not Path("typo.db").exists()


def test_queues_of_an_empty_store(client: msgq.Client) -> None:
    answer = ok("queues", "--url", URL)
    assert answer.out == ""
    assert "no queue yet" in answer.err
    assert ok("queues", "--url", URL, "--json").json == []


def test_queues_say_what_they_hold(client: msgq.Client) -> None:
    queue = client.queue("emails")
    queue.enqueue_many([1, 2, 3])
    queue.enqueue(4, delay="1h")
    (delivery,) = queue.claim(1, wait=5)
    client.queue("other").enqueue(5)
    emails = next(
        line for line in ok("queues", "--url", URL, "--json").json if line["queue"] == "emails"
    )
    assert (emails["waiting"], emails["leased"], emails["parked"], emails["sent"]) == (2, 1, 1, 4)
    assert emails["oldest_age_s"] >= 0
    lines = ok("queues", "--url", URL).lines
    assert lines[0].split() == [
        "queue",
        "waiting",
        "parked",
        "leased",
        "dead",
        "done",
        "expired",
        "sent",
        "oldest",
    ]
    assert sorted(line.split()[0] for line in lines[1:]) == ["emails", "other"]
    delivery.ack()


def test_stats_once_and_watched(client: msgq.Client) -> None:
    client.queue("q").enqueue_many(range(10))
    once = ok("stats", "--url", URL, "--json").json
    assert once["queues"][0]["waiting"] == 10
    assert once["store_bytes"] > 0
    watched = ok("stats", "--watch", "--times", 3, "--interval", "10ms", "--url", URL, "--json")
    records = [json.loads(line) for line in watched.lines]
    assert len(records) == 3
    assert "in_rate" not in records[0]["queues"][0]
    assert records[2]["queues"][0]["in_rate"] == 0
    text = ok("stats", "--watch", "--times", 2, "--interval", "10ms", "--url", URL).out
    assert text.count("in/s") == 2


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_stats_watched_through_a_pipe_ends_with_its_reader(
    client: msgq.Client, as_json: list[str]
) -> None:
    client.queue("q").enqueue(1)
    with Running("stats", "--watch", "--interval", "10ms", "--url", URL, *as_json) as watch:
        assert "queue" in watch.out.readline()
        watch.out.close()
        assert watch.process.wait(30) == 1
        assert watch.err.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stats_watched_through_a_pipe_ends_by_a_signal(
    client: msgq.Client, number: signal.Signals
) -> None:
    with Running("stats", "--watch", "--interval", "10ms", "--json", "--url", URL) as watch:
        for count in (1, 2, 3):
            client.queue("q").enqueue(count)
            while (now := json.loads(watch.out.readline()))["queues"] == []:
                pass
            while now["queues"][0]["waiting"] < count:
                now = json.loads(watch.out.readline())
        ended = watch.end(number)
    assert ended.status == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in ended.err


def test_messages_are_paged_without_claiming(client: msgq.Client) -> None:
    client.queue("q").enqueue_many([{"n": n} for n in range(7)])
    seen: list[int] = []
    after = ""
    for _ in range(10):
        page = ok("messages", "q", "--limit", 3, "--after", after, "--url", URL, "--json").json
        seen += [json.loads(each["body"])["n"] for each in page["messages"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == list(range(7))
    assert ok("queues", "--url", URL, "--json").json[0]["waiting"] == 7
    text = ok("messages", "q", "--limit", 2, "--url", URL)
    assert len(text.lines) == 3
    assert "next: --after" in text.err


def test_one_message_whole(client: msgq.Client) -> None:
    receipt = client.queue("q").enqueue({"to": "a"}, headers={"trace": "7"})
    shown = ok("messages", "q", receipt.id, "--url", URL).out
    assert '{"to":"a"}' in shown
    assert '"trace": "7"' in shown
    assert f"{receipt.id}" in shown
    record = ok("messages", "q", receipt.id, "--url", URL, "--json").json
    assert record["state"] == "waiting"
    assert record["headers"] == {"trace": "7"}


def test_bytes_that_are_no_text_are_shown_as_hexadecimal(client: msgq.Client) -> None:
    receipt = client.queue("q").enqueue(b"\xff\x00")
    assert ok("messages", "q", receipt.id, "--url", URL, "--json").json["body_hex"] == "ff00"
    assert "0xff00" in ok("messages", "q", "--url", URL).out


def test_a_page_costs_the_memory_of_a_page() -> None:
    with msgq.connect(URL, durability="os") as client:
        client.queue("small").enqueue(b"x")
        for _ in range(20):
            client.queue("large").enqueue_many([b"x" * 100_000] * 50)
    small = memory_of("messages", "small", "--limit", 10, "--url", URL)
    large = memory_of("messages", "large", "--limit", 10, "--url", URL)
    assert large - small < 20 << 10


def memory_of(*arguments: object) -> int:
    """The most memory (KiB) that a command needed, as a process of its own."""
    child = subprocess.Popen(command(*arguments), env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_maxrss


def test_looking_at_a_queue_makes_none(client: msgq.Client) -> None:
    client.queue("q").enqueue(1)
    answer = call("messages", "typo", "--url", URL)
    assert answer.status == 3
    assert "no queue named 'typo'; there are: q" in answer.err
    assert client.queues() == ["q"]


@pytest.mark.parametrize(
    ("message_id", "status"), [("0198c0de-0000-7000-8000-000000000000", 3), ("nonsense", 2)]
)
def test_an_unknown_or_bad_id(client: msgq.Client, message_id: str, status: int) -> None:
    client.queue("q").enqueue(1)
    answer = call("messages", "q", message_id, "--url", URL, "--json")
    assert answer.status == status
    assert json.loads(answer.err)["exit"] == status


def test_a_bad_cursor_is_refused(client: msgq.Client) -> None:
    client.queue("q").enqueue(1)
    answer = call("messages", "q", "--after", "nonsense", "--url", URL)
    assert answer.status == 2


def test_stats_tell_of_the_connections_where_they_are_bounded(postgres_url: str) -> None:
    msgq.connect(postgres_url).open().close()
    found = ok("stats", "--url", postgres_url)
    assert "connections here: " in found.out
    assert " of 5, 0 waiting" in found.out
