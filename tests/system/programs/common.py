"""What every program of a system test needs: its orders, its voice, its recorder, its messages."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgq
from tests.oracle import Recorder, fingerprint
from tests.system.support.program import SPEC

spec: dict[str, Any] = json.loads(os.environ.get(SPEC, "{}"))
PAD = b"." * 232


def say(event: str, **fields: Any) -> None:
    """Tell the test, in one write: lines of several processes on one pipe do not mix."""
    line = {"event": event, "pid": os.getpid(), "mono_ns": time.monotonic_ns(), **fields}
    os.write(1, json.dumps(line).encode() + b"\n")


def say_ready() -> None:
    """Tell once signals are the worker's: before that they end any process."""
    never = threading.Event()
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        never.wait(0.005)
    say("ready")


def heard(seconds: float) -> str:
    """Give the next line the test says within `seconds`, "" when none came, "end" at its end."""
    if not select.select([sys.stdin], [], [], seconds)[0]:
        return ""
    return sys.stdin.readline().strip() or "end"


def outcome_of(error: BaseException) -> str:
    """What an error of msgq says about the call: only knowledge excuses a message."""
    if isinstance(error, msgq.LeaseLostError):
        return "lost"
    certain = (msgq.QueueFullError, msgq.PayloadError, msgq.StoreUnavailableError,
               msgq.StoreFullError, msgq.StoreRejectedError)  # fmt: skip
    return "failed" if isinstance(error, certain) else "unknown"


def recorder(client: str = "") -> Recorder:
    """Open this process's history; the process id keeps names apart where one spec is shared."""
    name = client or str(spec["client"])
    return Recorder(Path(spec["histories"]), name, outcome_of)


def body_of(key: str) -> bytes:
    """A body of about 256 bytes that names itself."""
    return key.encode() + b"|" + PAD


def key_of(body: bytes) -> str:
    """The name in a body."""
    return body.partition(b"|")[0].decode()


def checksum(body: bytes, headers: dict[str, Any]) -> str:
    """Sum up what must arrive unchanged."""
    return fingerprint(body, {name: str(value) for name, value in headers.items()})
