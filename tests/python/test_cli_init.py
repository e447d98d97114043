"""`msgq init`: the starter project runs as it is."""

import subprocess
import sys
from pathlib import Path

from msgq.cli.init import FILES
from tests.support.cli import call, environment, ok, process


def test_writes_a_project_that_runs(tmp_path: Path) -> None:
    folder = tmp_path / "my shop"
    assert ok("init", folder, "--json").json["files"] == list(FILES)
    sent = subprocess.run(
        [sys.executable, "send.py", "10"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert sent.returncode == 0, sent.stderr
    assert "10 orders enqueued" in sent.stdout
    worked = process("worker", "handlers:app", "--burst", cwd=folder)
    assert worked.status == 0, worked.err
    assert worked.out.count("is paid") == 9
    dead = process("dead", "list", "orders", "--json", cwd=folder)
    assert [each["reason"] for each in dead.json["messages"]] == ["nothing to charge"]


def test_its_own_tests_pass(tmp_path: Path) -> None:
    ok("init", tmp_path / "shop")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"],
        cwd=tmp_path / "shop",
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text("mine")
    answer = call("init", tmp_path)
    assert answer.status == 2
    assert "already has handlers.py; nothing is overwritten" in answer.err
    assert (tmp_path / "handlers.py").read_text() == "mine"
    assert not (tmp_path / "send.py").exists()
