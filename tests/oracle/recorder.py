"""The recorder: one file per client, one write per line, so a kill breaks only the last line.

Give a send its id before the call (the producer makes ids), or put one of your own into the body:
a send whose id is learned from the answer cannot be recognised when no answer comes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.oracle.event import Event, HistoryError


def _unknown(error: BaseException) -> str:
    return "unknown"


class Recorder:
    """Appends the history of one client. One file each, never shared between processes; any thread.

    `outcome_of` turns an exception of the system under test into an outcome: "failed" (certainly
    nothing written), "lost" (lease superseded), "duplicate", or "unknown", which is the default
    because only knowledge may excuse a message.
    """

    def __init__(
        self,
        folder: Path,
        client: str,
        outcome_of: Callable[[BaseException], str] = _unknown,
    ) -> None:
        self.client = client
        self.outcome_of = outcome_of
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(folder / f"{client}.history", flags, 0o600)
        self._pid = os.getpid()
        self._seq = 0
        self._lock = threading.Lock()

    def call(self, op: str, message: str = "", **fields: Any) -> Call:
        """Write down that `op` is about to be called; the result takes the answer."""
        return Call(
            self,
            op,
            message,
            self._write("call", op, id=message, **fields),
            fields.get("lease", ""),
        )

    def send(self, message: str, checksum: str = "", **detail: Any) -> Call:
        """Call line of a send. Details: due_ms (UTC), dedup, queue."""
        return self.call("send", message, checksum=checksum, detail=detail)

    def settle(self, message: str, lease: str, verdict: str, **detail: Any) -> Call:
        """Call line of a settle: verdict is ack, retry, snooze or reject; detail due_ms."""
        return self.call("settle", message, lease=lease, detail={"verdict": verdict, **detail})

    def received(
        self, message: str, attempt: int, lease: str, checksum: str = "", **detail: Any
    ) -> None:
        """Note that processing of a delivery starts here.

        Details: `since_ns`, when the call that claimed it began (CLOCK_MONOTONIC); `until_ns`, when
        the lease ends; without it the lease lasts until settled or until its client is gone;
        `stored`, the store's own id, by which a message that was stored twice is told.
        """
        self._write(
            "note",
            "receive",
            id=message,
            attempt=attempt,
            lease=lease,
            checksum=checksum,
            detail=detail,
        )

    def note(self, op: str, message: str = "", **detail: Any) -> None:
        """Note an observation: kill or pause (target), dead, scanned, removed, depth (counts)."""
        self._write("note", op, id=message, detail=detail)

    def close(self) -> None:
        """Write the end of this client's life and close the file; again is harmless."""
        if self._fd >= 0:
            self._write("note", "close")
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, phase: str, op: str, **fields: Any) -> int:
        if os.getpid() != self._pid:
            raise HistoryError(f"recorder of {self.client} used in a forked child: open its own")
        with self._lock:
            seq = self._seq
            event = Event(
                client=self.client,
                seq=seq,
                mono_ns=time.monotonic_ns(),
                wall_ms=time.time_ns() // 1_000_000,
                phase=phase,
                op=op,
                **fields,
            )
            line = event.to_line()
            if os.write(self._fd, line) != len(line):
                raise HistoryError(f"history of {self.client} was cut short: disk full?")
            self._seq = seq + 1
            return seq


class Call:
    """An open call: `returned` answers it once; as a context manager it answers by what happened.

    A call that is never answered (the client was killed) stays in the history as unknown.
    """

    def __init__(self, recorder: Recorder, op: str, message: str, seq: int, lease: str) -> None:
        self._recorder = recorder
        self._op = op
        self._id = message
        self._seq = seq
        self._lease = lease

    def returned(self, outcome: str, message: str = "", **detail: Any) -> None:
        """Write the answer: ok, duplicate, failed, lost or unknown. `id` when only now known."""
        self._recorder._write(
            "return",
            self._op,
            id=message or self._id,
            lease=self._lease,
            outcome=outcome,
            call=self._seq,
            detail=detail,
        )

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.returned("ok" if error is None else self._recorder.outcome_of(error))
