"""One real process of a test: started, listened to, signalled by its pid, awaited with a deadline.

A program says what it is doing in lines of JSON on its standard output, and is told things by lines
on its standard input. Nothing here sleeps: every wait is for a line or for the end of the process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SPEC = "TORTURE_SPEC"
PATIENCE_S = 30.0


class Program:
    """A process of `tests.system.programs`. One thread uses it; close() leaves nothing behind."""

    def __init__(
        self,
        name: str,
        client: str,
        folder: Path,
        spec: Mapping[str, Any],
        environ: Mapping[str, str],
    ) -> None:
        self.name = name
        self.client = client
        self.events: list[dict[str, Any]] = []
        self._errors = folder / f"{client}.stderr"
        self._rest = b""
        self._is_over = False
        given = {"client": client, **spec}
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", f"tests.system.programs.{name}"],
                cwd=ROOT,
                env={**os.environ, **environ, SPEC: json.dumps(given)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self.process.stdout is not None
        self.fd = self.process.stdout.fileno()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be read of what it says: it may have ended before that."""
        return self._is_over or self.process.stdout is None or self.process.stdout.closed

    def said(self, event: str) -> list[dict[str, Any]]:
        """Everything it said under this name, so far as it was read."""
        return [each for each in self.events if each["event"] == event]

    def expect(self, event: str, seconds: float = PATIENCE_S, count: int = 1) -> dict[str, Any]:
        """Wait until it said `event` for the count-th time; AssertionError with its last words."""
        deadline = time.monotonic() + seconds
        while len(self.said(event)) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not self.read(left):
                state = "ended" if self._is_over else f"silent for {seconds:g} s"
                raise AssertionError(f"{self.client} {state}, awaited {event!r}; {self.words()}")
        return self.said(event)[count - 1]

    def read(self, seconds: float) -> bool:
        """Take in what it says within `seconds`; False when nothing came or nothing can come."""
        if self._is_over or not select.select([self.fd], [], [], max(0.0, seconds))[0]:
            return False
        text = os.read(self.fd, 1 << 16)
        self._is_over = text == b""
        *lines, self._rest = (self._rest + text).split(b"\n")
        self.events += [json.loads(line) for line in lines if line]
        return not self._is_over

    def tell(self, word: str) -> None:
        """Write one line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()

    def send(self, number: int) -> None:
        """Send a signal to exactly this process."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """Give its exit status, reading what it says meanwhile; AssertionError when it hangs."""
        deadline = time.monotonic() + seconds
        while self.read(deadline - time.monotonic()):
            pass
        try:
            return self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.client} hangs; {self.words()}") from None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; what it had said before is kept."""
        self.send(signal.SIGKILL)
        self.process.wait()
        while self.read(0.0):
            pass

    def is_asleep(self) -> bool:
        """Whether its main thread waits for something (state S of /proc)."""
        text = Path(f"/proc/{self.pid}/task/{self.pid}/stat").read_text()
        return text.rpartition(")")[2].split()[0] == "S"

    def words(self) -> str:
        """What it said last and what stands in its standard error."""
        errors = self._errors.read_text(errors="replace")[-3000:]
        return f"said {self.events[-5:]}, standard error:\n{errors}"

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
