"""A command on a pseudo-terminal: what a person would see, and what they type or press."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from tests.support.cli import command, environment

PATIENCE_S = 30.0
_CONTROL = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])|\r")


class Terminal:
    """A process whose standard streams are a terminal of 120 columns; over when the block ends."""

    def __init__(self, *arguments: object, cwd: Path, has_input_pipe: bool = False) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.raw = ""
        self.process = subprocess.Popen(
            command(*arguments),
            cwd=cwd,
            env=environment(TERM="xterm", COLUMNS="120", LINES="40"),
            stdin=subprocess.PIPE if has_input_pipe else slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self._master)

    @property
    def text(self) -> str:
        """Everything it showed, without control sequences."""
        return _CONTROL.sub("", self.raw)

    def read(self, seconds: float) -> bool:
        """Takes in what it shows within `seconds`; False once nothing can come any more."""
        if not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return True
        try:
            found = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self.raw += found.decode(errors="replace")
        return found != b""

    def shows(self, pattern: str, seconds: float = PATIENCE_S) -> re.Match[str]:
        """Waits until what it showed so far matches."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self.text)) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"not shown: {pattern}\n{self.text}"
            assert self.read(left), f"ended without showing: {pattern}\n{self.text}"
        return found

    def type(self, text: str) -> None:
        """Writes as a keyboard would."""
        os.write(self._master, text.encode())

    def press_ctrl_c(self) -> None:
        """What the terminal sends for it."""
        self.process.send_signal(signal.SIGINT)

    def status(self) -> int:
        """Reads to the end and gives the exit status."""
        deadline = time.monotonic() + PATIENCE_S
        while self.read(deadline - time.monotonic()) and time.monotonic() < deadline:
            pass
        return self.process.wait(PATIENCE_S)
