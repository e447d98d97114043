"""Effects of settings that show only when something fails: crashes, locks, lost hints, syncs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import msgq
from msgq.worker import Worker
from tests.support.cli import environment
from tests.support.foreign import write_transaction
from tests.system.support.shims import preload

Make = Callable[..., msgq.App]
SECONDS = 20.0
URL = "sqlite:///q.db"

CRASH = """
import os, sys, msgq
client = msgq.connect(sys.argv[1], profile="test")
(delivery,) = client.queue("q").claim(1, wait=20, lease=60)
os._exit(9)
"""


def crashes_max(make: Make) -> None:
    """A message is a dead letter after that many crashes of its own, and not before.

    The first crash of a claim only makes its messages suspects: from then on they run alone.
    """
    for most in (1, 2):
        url = f"sqlite:///crash-{most}.db"
        app = make(url, crashes_max=most)
        queue = app.queue("q")
        queue.enqueue(b"poison")
        for _ in range(1 + most):
            assert queue.dead() == []
            assert run(CRASH, url).returncode == 9
        while not (dead := queue.dead()):
            assert app.is_open
        assert dead[0].crashes == most
        assert "worker lost" in dead[0].reason


def busy_timeout(make: Make) -> None:
    """So long another program's write transaction is waited for."""
    patient, hasty = make(URL, busy_timeout=60), make(URL, busy_timeout=0.05)
    patient.queue("q").enqueue(b"1")
    hasty.queue("q").enqueue(b"2")
    with write_transaction("q.db") as end, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(patient.queue("q").purge)
        with pytest.raises(msgq.StoreUnavailableError, match="it may be tried again"):
            hasty.queue("q").purge()
        assert not waiting.done()
        end()
        assert waiting.result(SECONDS) == 2


def enqueue_timeout(make: Make) -> None:
    """So long a write is tried again before its receipt fails; the others go on."""
    patient = make(URL, busy_timeout=0.05, enqueue_timeout=60)
    hasty = make(URL, busy_timeout=60, enqueue_timeout=0.2)
    queue = hasty.queue("q")
    patient.open()
    hasty.open()
    with write_transaction("q.db") as end:
        waiting = patient.queue("q").enqueue_later(b"patient")
        with pytest.raises(msgq.StoreUnavailableError, match="nothing was written"):
            queue.enqueue(b"hasty")
        assert not waiting.done()
        end()
        assert waiting.wait(SECONDS).status == "persisted"
    assert queue.enqueue(b"again").status == "persisted"
    assert [each.body for each in queue.peek()] == [b"patient", b"again"]


def lose_hints(store: Path) -> None:
    """Makes the shared page of the side file forget who is to be told of new work."""
    with store.with_name(store.name + "-lock").open("r+b") as page:
        page.seek(4)
        page.write(bytes(4))


def poll(make: Make) -> None:
    """Without hints work is found at the next look: soon, or as late as is set.

    The one that looks seldom comes first, so that it has the other's whole time to be wrong in.
    """
    done: dict[str, list[int]] = {"seldom": [], "often": []}
    arrived = {name: threading.Semaphore(0) for name in done}
    settings: dict[str, dict[str, Any]] = {
        "often": {"poll_min": 0.001, "poll_max": 0.02},
        "seldom": {"poll_min": 60, "poll_max": 3600},
    }
    workers: list[Worker] = []
    for name in done:
        app = make(f"sqlite:///{name}.db", **settings[name])

        @app.handler(queue="q", name="h")
        def handler(n: int, name: str = name) -> None:
            done[name].append(n)
            arrived[name].release()

        workers.append(app.worker().start())
        handler.enqueue(1)
        assert arrived[name].acquire(timeout=SECONDS)
        app.queue("other").enqueue(b"the look that finds nothing is over when this is written")
        sender = make(f"sqlite:///{name}.db")
        sender.open()
        lose_hints(Path(f"{name}.db"))
        sender._opened().enqueue_wait("q", "h", 1, b'[2,"%s"]' % name.encode())
    assert arrived["often"].acquire(timeout=SECONDS)
    assert done == {"seldom": [1], "often": [1, 2]}
    for worker in workers:
        worker.stop()


SYNCS = """
import os, sys, msgq
with msgq.connect("sqlite:///" + sys.argv[1] + ".db", durability=sys.argv[1]) as client:
    queue = client.queue("q")
    before = os.path.getsize(os.environ["COUNT_SYNCS"])
    for _ in range(50):
        queue.enqueue(b"x")
    print(os.path.getsize(os.environ["COUNT_SYNCS"]) - before)
"""


def durability(make: Make) -> None:
    """With "sync" the disk has each message when enqueue returns; "os" never asks it for one."""
    shim = preload("count_syncs", Path.cwd())
    syncs = {
        level: int(run(SYNCS, level, COUNT_SYNCS=f"{level}.syncs", **shim).stdout)
        for level in ("sync", "os")
    }
    assert syncs["sync"] >= 50
    assert syncs["os"] < 10
    with pytest.raises(msgq.ConfigError, match="sync, os"):
        make(durability="perhaps")


def run(program: str, argument: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, argument],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(PYTHONPATH=os.pathsep.join(sys.path), **more),
    )
