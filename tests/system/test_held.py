"""What a handler sends is there exactly once for each message that is done, through SIGKILLs.

Workers that send on what they get to two queues are killed while they commit. In the end each
message is done once, and each queue has one message for it: no copy more, none less.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import msgq

COUNT = 6_000
KILLS = 3
ROOT = Path(__file__).resolve().parents[2]


def start(url: str) -> subprocess.Popen[str]:
    """Starts a worker and waits until it takes messages."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.system.programs.move", url],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def wait_for(app: msgq.App, done: int) -> None:
    """Waits until so many messages are done."""
    ends, pause = time.monotonic() + 30, threading.Event()
    while app.queue("from").depth().done < done:
        assert time.monotonic() < ends
        pause.wait(0.002)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_each_message_is_sent_on_once(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    is_file = store == "sqlite"
    url = f"sqlite:///{tmp_path}/q.db" if is_file else request.getfixturevalue("postgres_url")
    chance = random.Random(7)
    with msgq.App(url, profile="test") as app:

        @app.handler(queue="from", name="move")
        def move(n: int) -> None: ...

        move.enqueue_many(range(COUNT))
        for _ in range(KILLS):
            before = app.queue("from").depth().done
            worker = start(url)
            wait_for(app, min(before + chance.randrange(1, COUNT // 6), COUNT))
            worker.kill()
            worker.communicate()
        worker = start(url)
        wait_for(app, COUNT)
        worker.communicate()
        assert app.queue("from").depth().done == COUNT
        for queue in ("to", "log"):
            bodies = [int(each.body) for each in app.queue(queue).messages()]
            assert sorted(bodies) == list(range(COUNT))
