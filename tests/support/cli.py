"""Runs the command line: in this process, which is quick, or as a real one, which is the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner
from typing_extensions import Self

from msgq.cli.root import app


@dataclass
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """Stdout, line by line."""
        return self.out.splitlines()


def call(*arguments: object, stdin: str | bytes | None = None, **environment: str) -> Answer:
    """Runs a command in this process, without a terminal."""
    result = CliRunner().invoke(
        app, [str(each) for each in arguments], input=stdin, env=environment, prog_name="msgq"
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


def ok(*arguments: object, stdin: str | bytes | None = None, **environment: str) -> Answer:
    """Runs a command that has to succeed."""
    answer = call(*arguments, stdin=stdin, **environment)
    assert answer.status == 0, f"{arguments}: {answer.status}\n{answer.out}\n{answer.err}"
    return answer


def command(*arguments: object) -> list[str]:
    """The command line of a real process."""
    return [sys.executable, "-m", "msgq", *(str(each) for each in arguments)]


def environment(**more: str) -> dict[str, str]:
    """This process's, without settings of msgq and with the tests' folder not on the path."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("MSGQ_")}
    return {**clean, **more}


class Running:
    """A command as a process of its own, read while it runs; killed if it outlives the block.

    It leads a process group, as it does when typed into a terminal.
    """

    def __init__(self, *arguments: object, **more: str) -> None:
        self.process = subprocess.Popen(
            command(*arguments),
            env=environment(**more),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out = self.process.stdout
        self.err = self.process.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def end(self, number: int | None = None, timeout: float = 30) -> Answer:
        """Sends a signal, if any, and waits for the end; gives what was not read yet."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=timeout)
        return Answer(self.process.returncode, out, err)


def process(
    *arguments: object, cwd: Path, stdin: str | None = None, timeout: float = 60, **more: str
) -> Answer:
    """Runs a command as a process of its own, without a terminal."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**more),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
