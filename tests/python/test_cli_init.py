"""`msgq init`: the starter project runs as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("folder", ["file", "file/shop", "/proc/shop"])
def test_a_folder_that_cannot_be_written(folder: str) -> None:
    Path("file").write_text("mine")
    answer = call("init", folder)
    assert answer.status == 2
    assert f"cannot write to {folder}: " in answer.err
    assert "nothing was written, name another folder" in answer.err
    assert [each.name for each in Path.cwd().iterdir()] == ["file"]


def test_a_folder_that_fails_halfway_is_left_without_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def full(self: Path, data: str, encoding: str | None = None) -> int:
        if self.name == "msgq.toml":
            raise OSError(28, "No space left on device")
        return write(self, data, encoding)

    monkeypatch.setattr(Path, "write_text", full)
    answer = call("init", tmp_path / "shop")
    assert answer.status == 2
    assert "No space left on device" in answer.err
    assert list((tmp_path / "shop").iterdir()) == []
