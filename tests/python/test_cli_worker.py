"""`msgq worker`, as real processes."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

import msgq
from msgq.cli.worker import _without_processes
from tests.support.cli import Answer, Running, call, command, environment, process

URL = "sqlite:///store.db"

SHOP = r"""
import os, threading
import msgq

app = msgq.App("sqlite:///store.db", concurrency=1)

@app.handler(queue="emails", name="email")
def email(to: str) -> None:
    os.write(1, f"email {to}\n".encode())

@app.handler(queue="orders", name="order")
def order(number: int) -> None:
    os.write(1, f"order {number}\n".encode())

@app.handler(queue="slow", name="slow")
def slow() -> None:
    os.write(1, b"slow\n")
    threading.Event().wait(60)

gate = threading.Barrier(3)

@app.handler(queue="together", name="together")
def together(number: int) -> None:
    gate.wait(30)
    os.write(1, b"together\n")

empty = msgq.App("sqlite:///store.db")
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)


def send(name: str, bodies: list[list[object]], url: str = URL) -> None:
    """Puts calls of a handler into its queue the way its app does."""
    script = (
        "import sys, json, shop\n"
        "handler = shop.app.handlers[sys.argv[1]]\n"
        "shop.app.configure(url=sys.argv[2])\n"
        "handler.enqueue_many([tuple(each) for each in json.loads(sys.argv[3])])\n"
        "shop.app.close()\n"
    )
    arguments = [command()[0], "-c", script, name, url, json.dumps(bodies)]
    subprocess.run(arguments, env=environment(), check=True, timeout=60)


def work(*arguments: object) -> Answer:
    return process("worker", "shop:app", *arguments, cwd=Path.cwd())


def test_burst_handles_what_is_there_and_ends() -> None:
    send("email", [["a"], ["b"]])
    send("order", [[1]])
    done = work("--burst")
    assert done.status == 0, done.err
    assert sorted(line.split()[:2] for line in done.lines) == [
        ["email", "a"], ["email", "b"], ["order", "1"],
    ]  # fmt: skip


def test_queues_and_concurrency() -> None:
    send("email", [["a"]])
    send("order", [[1]])
    done = work("--burst", "--queues", "orders", "--concurrency", 1)
    assert [line.split()[0] for line in done.lines] == ["order"]
    with msgq.connect(URL) as client:
        assert client.queue("emails").depth().waiting == 1


def test_concurrency_is_how_many_run_at_once() -> None:
    send("together", [[1], [2], [3]])
    done = work("--burst", "--queues", "together", "--concurrency", 3)
    assert done.lines == ["together"] * 3


def test_processes_share_the_work_and_a_burst_ends() -> None:
    send("order", [[number] for number in range(500)])
    done = work("--burst", "--processes", 2, "--queues", "orders")
    assert done.status == 0, done.err
    numbers = sorted(int(line.split()[1]) for line in done.lines)
    assert numbers == list(range(500))


def test_processes_share_a_database(postgres_url: str) -> None:
    send("order", [[number] for number in range(500)], url=postgres_url)
    shared = ["--url", postgres_url, "--processes", 2, "--queues", "orders"]
    done = work("--burst", *shared)
    assert done.status == 0, done.err
    assert sorted(int(line.split()[1]) for line in done.lines) == list(range(500))


def test_the_url_option_wins_over_the_apps_own() -> None:
    send("email", [["elsewhere"]], url="sqlite:///other.db")
    assert work("--burst").lines == []
    done = work("--burst", "--url", "sqlite:///other.db")
    assert [line.split()[1] for line in done.lines] == ["elsewhere"]
    send("email", [["again"]], url="sqlite:///other.db")
    both = work("--burst", "--url", "sqlite:///other.db", "--processes", 2)
    assert [line.split()[1] for line in both.lines] == ["again"]


def test_logs_go_to_stderr_as_json_with_stats() -> None:
    send("email", [["a"]])
    with Running("worker", "shop:app", "--json", "--log-stats", "50ms") as worker:
        stats = None
        while stats is None:
            line = json.loads(worker.err.readline())
            queues = line.get("data", {}).get("queues", {})
            if queues.get("emails", {}).get("process", {}).get("done") == 1:
                stats = line
        assert worker.end(signal.SIGTERM).status == 0
    assert stats["level"] == "info"
    assert stats["data"]["memory_bytes"] > 0


def test_sigterm_drains_and_a_second_signal_leaves_at_once() -> None:
    send("slow", [[]])
    with Running("worker", "shop:app", "--grace", "30s") as worker:
        assert worker.out.readline() == "slow\n"
        worker.process.send_signal(signal.SIGTERM)
        ended = worker.end(signal.SIGINT, timeout=10)
    assert ended.status in (128 + signal.SIGTERM, 128 + signal.SIGINT)


def test_what_runs_beyond_the_grace_time_is_told() -> None:
    send("slow", [[]])
    with Running("worker", "shop:app", "--grace", "100ms") as worker:
        assert worker.out.readline() == "slow\n"
        ended = worker.end(signal.SIGTERM)
    assert ended.status == 1
    assert "still ran after the grace time" in ended.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere:app"], "no module 'nowhere'"),
        (["shop:apq"], "no msgq.App named 'apq'"),
        (["shop:empty", "--burst"], "no handlers"),
        (["shop:app", "--queues", "typo", "--burst"], "no handler for queue 'typo'"),
        (["shop:app", "--log-level", "loud"], "--log-level"),
        (["shop:app", "--concurrency", "0"], "--concurrency"),
        (["shop:app", "--grace", "soon"], "not a duration"),
        (["shop:app", "--processes", "2", "--url", "memory://"], "one process only"),
    ],
)
def test_wrong_use_is_one_line_without_a_traceback(arguments: list[str], text: str) -> None:
    answer = process("worker", *arguments, cwd=Path.cwd())
    assert answer.status == 2
    assert text in answer.err.replace("\n", " ")
    assert "Traceback" not in answer.err


def test_a_fault_of_the_users_module_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text("1 / 0\n")
    answer = process("worker", "faulty:app", cwd=Path.cwd())
    assert answer.status == 1
    assert "ZeroDivisionError" in answer.err


def test_a_child_is_started_with_the_same_options_less_processes() -> None:
    given = ["worker", "shop:app", "-p", "3", "--processes=4", "-p5", "--processes", "6", "-q", "a"]
    assert _without_processes(given) == ["worker", "shop:app", "-q", "a"]


def test_help_has_an_example() -> None:
    assert "msgq worker shop:app" in call("worker", "--help").out
