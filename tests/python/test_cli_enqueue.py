"""`msgq enqueue`: from an argument, a file and a stream, to a queue and to a handler."""

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

import msgq
from tests.support.cli import call, command, environment, ok

URL = "sqlite:///store.db"
DEEP = "[" * 100_000 + "]" * 100_000


def bodies(queue: str) -> list[object]:
    with msgq.connect(URL) as client:
        return [message.value() for message in client.queue(queue).messages()]


def test_one_message_prints_its_id() -> None:
    answer = ok("enqueue", "emails", '{"to": "a@b.c"}', "--url", URL)
    found = ok("messages", "emails", answer.out.strip(), "--url", URL, "--json").json
    assert json.loads(found["body"]) == {"to": "a@b.c"}
    assert found["content"] == "json"


def test_the_environment_names_the_store() -> None:
    ok("enqueue", "emails", "hello", MSGQ_URL=URL)
    assert bodies("emails") == ["hello"]


def test_count_batch_and_headers() -> None:
    answer = ok(
        "enqueue", "q", "7", "--count", 25, "--batch", 10, "--headers", '{"trace": "x"}',
        "--url", URL, "--json",
    ).json  # fmt: skip
    assert answer["enqueued"] == 25
    with msgq.connect(URL) as client:
        found = list(client.queue("q").messages())
    assert [message.value() for message in found] == [7] * 25
    assert {message.headers["trace"] for message in found} == {"x"}
    assert [str(found[0].id), str(found[-1].id)] == [answer["first_id"], answer["last_id"]]


def test_a_file_is_one_body_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG\x00")
    ok("enqueue", "q", "--file", "picture", "--url", URL)
    assert bodies("q") == [b"\x89PNG\x00"]


def test_json_lines_from_stdin() -> None:
    lines = "".join(json.dumps({"n": n}) + "\n" for n in range(1234))
    answer = ok("enqueue", "q", "-", "--batch", 100, "--url", URL, "--json", stdin=lines)
    assert answer.json["enqueued"] == 1234
    assert bodies("q") == [{"n": n} for n in range(1234)]


def test_a_stream_is_sent_as_it_comes() -> None:
    """Lines are enqueued before the stream has ended: memory is bounded by a batch."""
    with subprocess.Popen(
        command("enqueue", "q", "-", "--batch", 1, "--url", URL),
        stdin=subprocess.PIPE,
        env=environment(),
    ) as child:
        assert child.stdin is not None
        child.stdin.write(b"1\n")
        child.stdin.flush()
        with msgq.connect(URL) as client:
            (delivery,) = client.queue("q").claim(1, wait=30)
            delivery.ack()
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(30) == 0


def test_a_bad_line_says_what_was_sent_before_it() -> None:
    answer = call("enqueue", "q", "-", "--url", URL, stdin="1\n2\n{oops\n4\n")
    assert answer.status == 2
    assert "line 3 is no JSON" in answer.err
    assert "2 messages before it were enqueued. Next: correct what the text names" in answer.err
    assert bodies("q") == [1, 2]


def test_delay_parks() -> None:
    ok("enqueue", "q", "later", "--delay", "1h", "--url", URL)
    assert ok("queues", "--url", URL, "--json").json[0]["parked"] == 1


def test_a_key_goes_with_every_message_and_is_shown() -> None:
    ok("enqueue", "q", "7", "--count", 3, "--key", "user-42", "--url", URL)
    answer = ok("enqueue", "q", "8", "--url", URL)
    with msgq.connect(URL) as client:
        assert [each.key for each in client.queue("q").messages()] == ["user-42"] * 3 + [None]
    page = ok("messages", "q", "--url", URL, "--json").json["messages"]
    assert [each["key"] for each in page] == ["user-42"] * 3 + [None]
    assert "key" not in ok("messages", "q", answer.out.strip(), "--url", URL).out
    assert "key:        user-42" in ok("messages", "q", page[0]["id"], "--url", URL).out


def test_rate_and_for() -> None:
    answer = ok("enqueue", "q", "x", "--for", "300ms", "--rate", 100, "--url", URL, "--json").json
    assert 10 <= answer["enqueued"] <= 31
    assert answer["seconds"] >= 0.25


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"shop_{abs(hash(tmp_path)) % 10**9}"
    (tmp_path / f"{name}.py").write_text(
        "from dataclasses import dataclass\n"
        "import msgq\n"
        f"app = msgq.App({URL!r})\n"
        "@dataclass\n"
        "class Order:\n"
        "    number: int\n"
        "@app.handler(queue='orders', name='charge')\n"
        "def charge(order: Order, *, note: str = '') -> None: ...\n"
        "@app.handler(queue='orders', name='ship', key='order.number')\n"
        "def ship(order: Order) -> None: ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_to_a_handler_as_array_or_names(shop: str) -> None:
    ok("enqueue", f"{shop}:charge", '[{"number": 1}]', stdin=None)
    assert bodies("orders") == [[{"number": 1}, ""]]


def test_to_a_handler_by_name(shop: str) -> None:
    ok("enqueue", f"{shop}:charge", '{"note": "hi", "order": {"number": 2}}', "--delay", "1h")
    with msgq.connect(URL) as client:
        (found,) = client.queue("orders").messages()
    assert found.value() == [{"number": 2}, "hi"]
    assert found.handler == "charge"
    assert found.state == "parked"


@pytest.mark.parametrize(
    ("body", "options", "key"),
    [
        ('[{"number": 7}]', [], "7"),
        ('{"order": {"number": 8}}', [], "8"),
        ('[{"number": 9}]', ["--key", "mine"], "mine"),
    ],
)
def test_to_a_handler_with_a_key_of_its_own(
    shop: str, body: str, options: list[str], key: str
) -> None:
    ok("enqueue", f"{shop}:ship", body, *options)
    with msgq.connect(URL) as client:
        assert [each.key for each in client.queue("orders").messages()] == [key]


@pytest.mark.parametrize("body", ['[{"number": "x"}]', '{"ordre": {}}', "[]", "7"])
def test_arguments_that_do_not_fit_are_refused(shop: str, body: str) -> None:
    answer = call("enqueue", f"{shop}:charge", body)
    assert answer.status == 2
    assert "charge" in answer.err
    assert "bind()" not in answer.err


def test_the_url_option_wins_over_the_apps_own(shop: str) -> None:
    ok("enqueue", f"{shop}:charge", '[{"number": 1}]', "--url", "sqlite:///other.db")
    assert Path("other.db").exists()
    assert not Path("store.db").exists()


def test_a_name_with_a_colon_is_a_queue_when_said_so() -> None:
    ok("enqueue", "a:b", "1", "--queue", "--url", URL)
    assert bodies("a:b") == [1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["q"], "give a body"),
        (["q", "1", "--file", "x"], "give a body"),
        (["q", "-", "--count", "3"], "repeat one BODY"),
        (["q", "1", "--headers", "[1]"], "must be a JSON object"),
        (["q", "1", "--delay", "-1s"], "not a duration"),
        (["q", "1", "--count", "0"], "--count"),
        (["q", "1", "--key", ""], "a key has from 1 to 512 bytes"),
        (["q", "1", "--key", "x" * 513], "a key has from 1 to 512 bytes"),
        (["q", "1", "--key", "a", "--delay", "1s"], "key= and delay= do not go together"),
        (["q", "1", "--key", "a", "--priority", "high"], "key= and priority= do not go together"),
        (["../x", "1"], "reserved part '..'"),
        (["x\u202e", "1"], "direction character"),
        (["", "1"], "queue name is empty"),
        (["q", "1", "--rate", "nan"], "--rate"),
        (["q", "1", "--for", "3 parsecs"], "such as"),
        (["q", DEEP], "the body begins like JSON but is none: nested too deeply"),
        (["q", "1", "--headers", DEEP], "--headers begins like JSON but is none: nested"),
        (["q", "1", "--headers", "{"], "--headers begins like JSON but is none"),
        (["os:path", "1"], "no handler"),
        (["q", "--file", "missing"], "cannot read missing"),
    ],
)
def test_wrong_use_enqueues_nothing(arguments: list[str], text: str) -> None:
    answer = call("enqueue", *arguments, "--url", URL)
    assert answer.status in (2, 3)
    assert text in answer.err.replace("\n", " ")
    assert answer.out == ""


def test_json_100_000_deep_on_stdin_and_in_a_file(shop: str) -> None:
    streamed = call("enqueue", "q", "-", "--url", URL, stdin="1\n" + DEEP + "\n2\n")
    assert streamed.status == 2
    assert "line 2 is no JSON: nested too deeply; 1 messages before it" in streamed.err
    assert bodies("q") == [1]
    Path("deep.json").write_text(DEEP)
    given = call("enqueue", f"{shop}:charge", "--file", "deep.json")
    assert given.status == 2
    assert "'charge': it is nested too deeply" in given.err
    with msgq.connect(URL) as client:
        assert client.queues() == ["q"]


def test_batch_is_how_many_are_sent_at_once() -> None:
    ok("enqueue", "many", "1", "--count", 100, "--batch", 50, "--url", URL)
    ok("enqueue", "one", "1", "--count", 100, "--batch", 1, "--url", URL)
    with sqlite3.connect("store.db") as file:
        blocks = file.execute("select count(*), sum(n) from block group by id >> 40").fetchall()
    file.close()
    assert sorted(blocks) == [(2, 100), (100, 100)]


def test_a_long_input_shows_no_progress_without_a_terminal() -> None:
    lines = "1\n" * 5_000
    answer = ok("enqueue", "q", "-", "--rate", 4_000, "--url", URL, stdin=lines)
    assert "5,000 messages to q" in answer.out
    assert answer.err == ""
