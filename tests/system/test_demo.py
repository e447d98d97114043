"""The demo tells the truth: with a worker killed in mid-work its table equals a plain loop's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an example to its end."""
    command = [sys.executable, str(EXAMPLES / words[0]), *words[1:]]
    world = {**os.environ, **environment}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=100, env=world
    )


@pytest.mark.timeout(120)
def test_census_kills_a_worker_and_loses_nothing() -> None:
    done = run("demo.py", "--files", "90", "--messages", "5000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed with SIGKILL" in done.stdout
    assert "0 lost, 0 counted twice" in done.stdout
    assert "5,000 messages of 200 bytes in and out at once" in done.stdout


@pytest.mark.timeout(120)
def test_census_on_postgresql_loses_nothing_either(postgres_url: str) -> None:
    done = run("demo.py", "--files", "90", MSGQ_URL=postgres_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed with SIGKILL" in done.stdout
    assert "0 lost, 0 counted twice" in done.stdout
    assert "speed is measured beside bare SQLite only" in done.stdout


def test_census_notices_a_file_that_was_sent_twice(tmp_path: Path) -> None:
    """The comparison is worth something: with totals that differ from a plain loop's it fails."""
    examples = tmp_path / "a" / "b"
    shutil.copytree(EXAMPLES, examples)
    text = (examples / "demo.py").read_text()
    cheating = text.replace(
        "[(file,) for file in files]", "[(file,) for file in [*files, files[0]]]"
    )
    assert cheating != text
    (examples / "demo.py").write_text(cheating)
    command = [sys.executable, str(examples / "demo.py"), "--files", "30", "--messages", "1000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 lost, 0 counted twice" not in done.stdout
    assert "Traceback" not in done.stderr


def test_speed_notices_a_message_that_was_handled_twice(tmp_path: Path) -> None:
    """The check is worth something: with one number sent twice the example fails."""
    text = (EXAMPLES / "speed.py").read_text()
    cheating = text.replace("number.to_bytes(4", "max(number, 1).to_bytes(4")
    assert cheating != text
    example = tmp_path / "a" / "b" / "speed.py"
    example.parent.mkdir(parents=True)
    example.write_text(cheating)
    command = [sys.executable, str(example), "5000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 1
    assert "NOT each was handled exactly once" in done.stdout
