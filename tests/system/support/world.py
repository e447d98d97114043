"""The world of one system test: a store, its histories, the processes on it, and the verdict."""

from __future__ import annotations

import random
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgq
from msgq.stats import QueueDepth
from tests.oracle import Limits, Recorder, Verdict, judge, read_histories
from tests.oracle.history import History
from tests.system.support.program import PATIENCE_S, Program

QUEUE = "work"
HEARTBEAT_S = 5.0


class World:
    """Starts programs on one store and judges what they wrote down. One thread.

    `random` is seeded from the system; the seed is in the text of every failed verdict.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.store = folder / "store.db"
        self.url = url or f"sqlite:///{self.store}"
        self.histories = folder / "histories"
        self.histories.mkdir()
        self.seed = random.SystemRandom().getrandbits(32)
        self.random = random.Random(self.seed)
        self.notes = Recorder(self.histories, "harness")
        self.programs: list[Program] = []
        self._client: msgq.Client | None = None

    # --- processes ---

    def start(
        self, name: str, client: str, environ: dict[str, str] | None = None, **spec: Any
    ) -> Program:
        """Start tests.system.programs.NAME as `client`, which is also the name of its history."""
        known = {"histories": str(self.histories), "queue": QUEUE}
        program = Program(
            name,
            client,
            self.folder,
            {**known, **spec},
            {"MSGQ_URL": self.url, **(environ or {})},
        )
        self.programs.append(program)
        return program

    def kill(self, program: Program) -> None:
        """SIGKILL it. The note comes first: from then on nothing it holds counts as held."""
        self.notes.note("kill", target=program.client)
        program.kill()

    def pause(self, program: Program) -> None:
        """SIGSTOP it, and wait until it stands."""
        self.notes.note("pause", target=program.client)
        program.send(signal.SIGSTOP)
        stat = Path(f"/proc/{program.pid}/stat")
        self.until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "stopped")

    def listen(self, seconds: float) -> None:
        """Take in what any program says, for so long; this is how time passes here."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            open_ones = {each.fd: each for each in self.programs if not each.is_over}
            ready = select.select(list(open_ones), [], [], max(0.0, left))[0]
            for fd in ready:
                if not open_ones[fd].read(0.0):
                    select.select([], [], [], min(0.01, max(0.0, left)))  # at its end
            if left <= 0:
                return

    def until(self, is_true: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> float:
        """Look again and again, listening meanwhile; gives how long it took."""
        began = time.monotonic()
        while not is_true():
            if time.monotonic() - began > seconds:
                words = "\n".join(f"{p.client}: {p.words()}" for p in self.programs[-6:])
                raise AssertionError(f"not within {seconds:g} s: {what}; {words}")
            self.listen(0.01)
        return time.monotonic() - began

    # --- looking ---

    @property
    def client(self) -> msgq.Client:
        """A client of this process, opened when first asked for."""
        if self._client is None:
            self._client = msgq.connect(self.url)
        return self._client

    def grow_old(self) -> None:
        """Let this process's client live for as long as it must to judge that others are dead.

        On a server that is longer than a heartbeat, for who is younger may have come, like all of
        them, after a restart.
        """
        self.client.open()
        if self.url.startswith("postgresql"):
            self.listen(HEARTBEAT_S + 0.5)

    def queue(self, name: str = QUEUE) -> msgq.Queue:
        """A queue of this process's client."""
        return self.client.queue(name)

    def depth(self, name: str = QUEUE) -> QueueDepth:
        """What the store holds."""
        return self.queue(name).depth()

    def drained(self, seconds: float = PATIENCE_S) -> float:
        """Wait until nothing waits, is parked or leased; gives how long it took."""
        return self.until(lambda: self.depth().depth == 0, "the queue is empty", seconds)

    def note_end(self, name: str = QUEUE) -> None:
        """Write down what the store holds at the end: counts, and each dead letter."""
        found = self.depth(name)
        counts = {
            part: getattr(found, part)
            for part in ("sent", "waiting", "parked", "leased", "done", "dead", "quarantined")
        }
        for message in self.dead(name):
            self.notes.note("dead", message.body.split(b"|")[0].decode())
        self.notes.note("scanned")
        self.notes.note("depth", **counts, purged=found.purged)

    def dead(self, name: str = QUEUE) -> list[msgq.Message]:
        """Every dead letter."""
        found: list[msgq.Message] = []
        after = ""
        while page := self.queue(name).dead(500, after=after):
            found += page
            after = page[-1].cursor
        return found

    def history(self) -> History:
        """All histories, merged."""
        return read_histories(self.histories)

    def judge(self, limits: Limits, history: History | None = None) -> Verdict:
        """Judge, print the four numbers beside their bounds, and raise unless all is well."""
        verdict = judge(self.history() if history is None else history, limits)
        print(verdict.text())
        print(f"bounds: duplicated {limits.duplicated_max}, recovered {limits.recovered_max}")
        if not verdict.is_good:
            raise AssertionError(f"seed {self.seed}: {verdict.text()}")
        return verdict

    def close(self) -> None:
        """End every process and close the client; again is harmless."""
        for program in self.programs:
            program.close()
        if self._client is not None:
            self._client.close()
        self.notes.close()
