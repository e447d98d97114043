"""A worker whose handler takes its time, with or without the interpreter lock in its hands.

Orders: hold_s, holds_gil, settings.
"""

from __future__ import annotations

import ctypes
import sys
import threading

import msgq
from tests.system.programs.common import say, spec

app = msgq.App(**spec["settings"])
_never = threading.Event()
# a library called through PyDLL keeps the interpreter lock for as long as the call takes
_libc = ctypes.PyDLL(None)


@app.handler(queue=spec["queue"], name="*")
def handle(body: bytes) -> None:
    say("started")
    if spec["holds_gil"]:
        _libc.usleep(int(spec["hold_s"] * 1_000_000))
    else:
        _never.wait(spec["hold_s"])
    say("finished")


if __name__ == "__main__":
    sys.exit(1 if app.run() else 0)
