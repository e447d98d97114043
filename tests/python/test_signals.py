"""Signals to a worker command: draining, leaving, and what a supervised worker makes of them."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

import msgq
from tests.support.cli import Running

ALL = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
SHOP = r"""
import os
import msgq

app = msgq.App("sqlite:///store.db", concurrency=1)

@app.handler(queue="q", name="hold")
def hold() -> None:
    os.write(1, b"started\n")
    open("gate").read()
    os.write(1, b"finished\n")
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path) -> None:
    """An app whose handler holds each message until somebody writes into the gate."""
    (tmp_path / "shop.py").write_text(SHOP)
    os.mkfifo("gate")
    app = msgq.App("sqlite:///store.db")
    with app:
        app.handler(queue="q", name="hold")(lambda: None).enqueue()


def open_gate() -> None:
    Path("gate").write_text("")


def held(*more: object, **environ: str) -> Running:
    """A worker command with the message in its hands."""
    worker = Running("worker", "shop:app", "--grace", "30s", *more, **environ)
    assert worker.out.readline() == "started\n"
    return worker


def until(worker: Running, text: str) -> None:
    """Reads what the worker logs until `text` comes."""
    while (line := worker.err.readline()) and text not in line:
        pass
    assert text in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_drains_every_process(number: signal.Signals) -> None:
    """Ctrl-C in a terminal, or a service manager's stop: children get it, and the supervisor's."""
    with held("--processes", 2) as worker:
        os.killpg(worker.process.pid, number)
        until(worker, "worker processes end")
        open_gate()
        ended = worker.end()
    assert (ended.status, ended.out) == (0, "finished\n"), ended.err
    assert "leaving" not in ended.err


def test_a_supervised_worker_drains_however_often_it_is_asked_to() -> None:
    with held(MSGQ_SUPERVISOR=str(os.getpid())) as worker:
        worker.process.send_signal(signal.SIGTERM)
        until(worker, "worker drains (signal 15)")
        worker.process.send_signal(signal.SIGINT)
        worker.process.send_signal(signal.SIGTERM)
        open_gate()
        ended = worker.end()
    assert (ended.status, ended.out) == (0, "finished\n"), ended.err


@pytest.mark.parametrize("supervisor", ["", "0", "nobody"])
def test_a_worker_of_its_own_leaves_on_the_second_signal(supervisor: str) -> None:
    with held(MSGQ_SUPERVISOR=supervisor) as worker:
        worker.process.send_signal(signal.SIGTERM)
        until(worker, "worker drains (signal 15)")
        ended = worker.end(signal.SIGTERM)
    assert (ended.status, ended.out) == (128 + signal.SIGTERM, "")
    assert "signal 15: leaving at once with 1 running" in ended.err


@pytest.mark.parametrize("processes", [1, 2])
def test_quit_leaves_at_once(processes: int) -> None:
    with held("--processes", processes) as worker:
        ended = worker.end(signal.SIGQUIT)
    assert ended.status == (128 + signal.SIGQUIT if processes == 1 else 1)
    assert ended.out == ""
    assert "signal 3: leaving at once with 1 running" in ended.err


def test_a_second_signal_to_a_supervisor_makes_all_leave_at_once() -> None:
    with held("--processes", 2) as worker:
        worker.process.send_signal(signal.SIGTERM)
        until(worker, "worker drains (signal 15)")
        ended = worker.end(signal.SIGTERM)
    assert ended.status == 1
    assert "finished" not in ended.out
    assert "signal 3: leaving at once" in ended.err


def test_workers_drain_when_their_supervisor_was_killed() -> None:
    with held("--processes", 2) as worker:
        worker.process.kill()
        until(worker, "worker drains (its supervisor is gone)")
        open_gate()
        ended = worker.end()
    assert ended.out == "finished\n", ended.err


def seen_by_a_handler(app: msgq.App) -> list[object]:
    """Runs the app for one message; gives the signal handlers that its handler saw."""
    seen: list[object] = []

    @app.handler(queue="q")
    def handler(n: int) -> None:
        seen.extend(signal.getsignal(each) for each in ALL)

    handler.enqueue(1)
    assert app.run(burst=True) == 0
    return seen


def test_signal_handlers_are_put_back(app: msgq.App) -> None:
    before = [signal.getsignal(each) for each in ALL]
    seen = seen_by_a_handler(app)
    assert not set(map(id, seen)) & set(map(id, before))
    assert [signal.getsignal(each) for each in ALL] == before


def test_no_signal_is_touched_off_the_main_thread(app: msgq.App) -> None:
    before = [signal.getsignal(each) for each in ALL]
    found: list[list[object]] = []
    elsewhere = threading.Thread(target=lambda: found.append(seen_by_a_handler(app)))
    elsewhere.start()
    elsewhere.join(20)
    assert found == [before]
