"""Worker processes: loaded by name, restarted with growing pauses, stopped together."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import msgq
from msgq.supervisor import Child, Supervisor, find_spec, load_app
from tests.python.conftest import MakeApp

SHOP = """
import msgq, os
app = msgq.App("sqlite:///q.db", profile="test")
not_an_app = 3
@app.handler(queue="q", retry=msgq.RetryPolicy(base=0))
def handler(n: int) -> None:
    with open("done.txt", "a") as out:
        out.write(f"{n} {os.getpid()}\\n")
if __name__ == "__main__":
    import sys
    sys.exit(app.run(processes=2, burst="burst" in sys.argv))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "a shop.py"
    path.write_text(SHOP)
    return path


def test_an_app_is_loaded_by_name(shop: Path) -> None:
    app = load_app(f"{shop}:app")
    assert list(app.handlers) == ["a shop.handler"]
    assert list(load_app(str(shop)).handlers) == ["a shop.handler"]
    for wrong, why in [(f"{shop}:nope", "has no msgq.App named 'nope'; there is app"),
                       (f"{shop}:not_an_app", "there is app"), ("nowhere.py:app", "no file"),
                       ("no_such_module:app", "no module 'no_such_module'")]:  # fmt: skip
        with pytest.raises(msgq.ConfigError, match=why):
            load_app(wrong)


def test_processes_need_a_store_they_share_and_a_name(make_app: MakeApp) -> None:
    for url in ("memory://", "sync://"):
        app = make_app(url)
        app.handler()(print_number)
        with pytest.raises(msgq.ConfigError, match="one process only"):
            app.run(processes=2)
    app = make_app("sqlite:///q.db")
    app.handler()(print_number)
    with pytest.raises(msgq.ConfigError, match="top-level name"):
        app.run(processes=2)
    with pytest.raises(msgq.ConfigError):
        find_spec(app)


def print_number(n: int) -> None: ...


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_processes_share_the_work_and_end_when_idle(shop: Path, tmp_path: Path) -> None:
    with load_app(f"{shop}:app") as app:
        app.handlers["a shop.handler"].enqueue_many(list(range(500)))
    done = subprocess.run([sys.executable, str(shop), "burst"], env=environment(), timeout=100,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "done.txt").read_text().splitlines()
    assert sorted(int(line.split()[0]) for line in lines) == list(range(500))


def test_a_dead_process_is_restarted_with_growing_pauses() -> None:
    child = Child([sys.executable, "-c", "raise SystemExit(3)"], {})
    child.start()
    pauses = []
    for _ in range(4):
        assert child.process is not None
        child.process.wait(30)
        seen_at = time.monotonic()
        child.look()
        pauses.append(child.pause)
        assert child.start_at >= seen_at + child.pause
        child.start_at = math.inf
        child.look()
        assert child.process is None, "it did not wait for its pause to end"
        child.start_at = 0.0
        child.look()
    assert pauses == [0.1, 0.2, 0.4, 0.8]
    assert child.restarts == 4
    assert child.process is not None
    child.process.wait(30)


def test_a_signal_stops_all() -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); "
        "print(1, flush=True); signal.pause()"
    )
    supervisor = Supervisor([sys.executable, "-c", program], 2, grace=20)
    stopping = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    stopping.start()
    assert supervisor.run() in (0, 1)
    assert not any(child.is_alive for child in supervisor.children)
    stopping.join()
