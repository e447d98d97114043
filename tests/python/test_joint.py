"""Workers over several transports at the same time."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import msgq
from msgq._joint import JointWorker
from msgq.testing import run_until_idle
from msgq.worker import Worker
from tests.support.cli import process
from tests.support.stuck import Stuck

SECONDS = 20.0


def nothing(n: int) -> None:
    """A handler."""


@pytest.fixture
def two(postgres_url: str) -> Iterator[msgq.App]:
    """A file, a memory and a server."""
    urls = {"default": "sqlite:///q.db", "fast": "memory://", "pg": postgres_url}
    homes = {"clicks": "fast", "audit": "pg"}
    with msgq.App(urls=urls, profile="test", queue_transports=homes) as made:
        yield made


def test_handlers_of_all_transports_run(two: msgq.App) -> None:
    got: list[tuple[str, int]] = []
    here = threading.Barrier(3, timeout=SECONDS)  # all at the same time

    @two.handler(queue="mails", name="mail")
    def mail(n: int) -> None:
        here.wait()
        got.append(("mail", n))

    @two.handler(queue="clicks", name="click")
    def click(n: int) -> None:
        here.wait()
        got.append(("click", n))

    @two.handler(queue="audit", name="audit")
    async def audit(n: int) -> None:
        await asyncio.to_thread(here.wait)
        got.append(("audit", n))

    mail.enqueue(1)
    click.enqueue(2)
    audit.enqueue(3)
    assert two.run(burst=True) == 0
    assert sorted(got) == [("audit", 3), ("click", 2), ("mail", 1)]
    assert not two.is_open


def test_it_is_idle_when_all_are(two: msgq.App) -> None:
    """Messages that handlers send back and forth between transports are all handled."""
    left: list[int] = []

    @two.handler(queue="clicks", name="ping")
    def ping(n: int) -> None:
        pong.enqueue(n - 1)

    @two.handler(queue="mails", name="pong")
    def pong(n: int) -> None:
        left.append(n)
        if n > 0:
            ping.enqueue(n)

    ping.enqueue(20)
    run_until_idle(two)
    assert left == list(range(19, -1, -1))


def test_one_transport_has_a_plain_worker(two: msgq.App) -> None:
    for queue in ("clicks", "mails"):
        two.handler(queue=queue, name=queue)(nothing)
    assert type(two.worker()) is JointWorker
    assert type(two.worker(["clicks"])) is Worker
    assert "clicks" in repr(two.worker())
    with pytest.raises(msgq.ConfigError, match="no handler for queue 'audit'"):
        two.worker(["audit", "mails"])
    assert not two.is_open


def test_stopping_ends_all_within_one_grace(two: msgq.App) -> None:
    stuck = Stuck(two, "clicks")
    done = threading.Event()

    @two.handler(queue="mails", name="mail")
    def mail(n: int) -> None:
        done.set()

    worker = two.worker().start()
    with pytest.raises(msgq.ClosedError, match="starts once"):
        worker.start()
    assert worker.is_running
    stuck.handler.enqueue(1)
    stuck.wait_started()
    assert worker.running_count == 1
    mail.enqueue(1)
    assert done.wait(SECONDS)
    assert worker.stop(0.05) is False
    assert not worker.is_running
    stuck.release.set()
    assert worker.failure is None
    assert worker.stop() is True
    with pytest.raises(msgq.ClosedError, match="starts once"):
        worker.start()


def test_when_one_cannot_be_opened_none_goes_on() -> None:
    urls = {"default": "memory://", "far": "sqlite:////nowhere/at/all.db"}
    with msgq.App(urls=urls, profile="test", queue_transports={"b": "far"}) as app:
        for queue in ("a", "b"):
            app.handler(queue=queue, name=queue)(nothing)
        worker = app.worker()
        with pytest.raises(msgq.MsgqError, match=r"\(transport 'far'\)"):
            worker.start()
        assert not worker.is_running
        assert not app._workers


def test_sync_needs_no_worker_beside_others() -> None:
    urls = {"default": "memory://", "now": "sync://"}
    got: list[int] = []
    with msgq.App(urls=urls, profile="test", queue_transports={"now": "now"}) as app:

        @app.handler(queue="now", name="now")
        def now(n: int) -> None:
            got.append(n)

        @app.handler(queue="later", name="later")
        def later(n: int) -> None:
            now.enqueue(n)

        now.enqueue(1)
        assert got == [1]
        later.enqueue(2)
        run_until_idle(app)
        assert got == [1, 2]


def test_a_handler_on_several_transports_is_served_on_all(two: msgq.App) -> None:
    got: list[tuple[str, int]] = []

    @two.handler(queue="jobs", transport=["default", "fast", "pg"], name="job")
    def job(n: int) -> None:
        got.append((threading.current_thread().name, n))

    job.enqueue(1)
    job.using(transport="fast").enqueue(2)
    job.using(transport="pg").enqueue(3)
    run_until_idle(two)
    assert sorted(n for _, n in got) == [1, 2, 3]
    stats = two.stats()
    done = {name: stats.depth_of("jobs", name).done for name in two.transports}
    assert done == {"default": 1, "fast": 1, "pg": 1}
    assert stats.depth_of("jobs").transport == "default"
    assert stats.traffic_of("jobs", "pg").claimed == 1


def test_one_hears_of_messages_that_nobody_here_handles(
    two: msgq.App, caplog: pytest.LogCaptureFixture
) -> None:
    two.handler(queue=["mails", "urgent"], name="mail")(nothing)
    two.handler(queue="audit", name="*")(nothing)
    two.route("mail", priorities={8: "urgent", 7: ["mails", "audit"], 1: ["mails", "typo"]})
    two.worker()
    (told,) = [each.getMessage() for each in caplog.records if "no handler" in each.getMessage()]
    assert "handler mail to queue typo (default)" in told


SHOP = """
import msgq
app = msgq.App(urls={"default": "sqlite:///a.db", "fast": "sqlite:///b.db"},
               queue_transports={"clicks": "fast"})
@app.handler(queue="mails", name="mail")
def mail(n: int) -> None:
    print("mail", n, flush=True)
@app.handler(queue="clicks", name="click")
def click(n: int) -> None:
    print("click", n, flush=True)
"""


def test_the_command_line_runs_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    process("enqueue", "shop:mail", "[1]", cwd=tmp_path)
    process("enqueue", "shop:click", "[2]", cwd=tmp_path)
    for options in ([], ["--processes", "2"]):
        ran = process("worker", "shop:app", "--burst", *options, cwd=tmp_path)
        assert ran.status == 0, ran.err
        if not options:
            assert sorted(ran.lines) == ["click 2", "mail 1"]


def test_memory_is_not_shared_by_processes(two: msgq.App) -> None:
    two.handler(queue="mails", name="mail")(nothing)
    with pytest.raises(msgq.ConfigError, match=r"memory://.*\(transport 'fast'\)"):
        two.run(processes=2)


def test_a_signal_drains_all(two: msgq.App) -> None:
    stuck = Stuck(two, "clicks")
    two.handler(queue="mails", name="mail")(nothing)
    stuck.handler.enqueue(1)

    def end() -> None:
        stuck.wait_started()
        os.kill(os.getpid(), signal.SIGTERM)
        stuck.release.set()

    thread = threading.Thread(target=end)
    thread.start()
    assert two.run() == 0
    thread.join()
