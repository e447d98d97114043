"""A worker: one handler for every message of the queue, which writes down what it was given.

Orders: run (of app.run), settings, hold_s (how long a handler takes), says (tell of each message).
"""

from __future__ import annotations

import sys
import threading

import msgq
from tests.system.programs.common import checksum, key_of, recorder, say, say_ready, spec

app = msgq.App(**spec.get("settings", {}))
record = recorder()
_hold_s: float = spec.get("hold_s", 0.0)
_says: bool = spec.get("says", False)
_never = threading.Event()


@app.handler(queue=spec["queue"], name="*")
def handle(body: bytes, ctx: msgq.Context) -> None:
    """Settling is the worker's, after this returns: the history knows only that it was meant."""
    key, lease = key_of(body), str(ctx.fence)
    record.received(key, ctx.attempt, lease, checksum(body, dict(ctx.headers)))
    if _says:
        say("started", key=key, attempt=ctx.attempt)
    if _hold_s:
        _never.wait(_hold_s)
    record.settle(key, lease, "ack")
    if _says:
        say("finished", key=key)


def main() -> int:
    threading.Thread(target=say_ready, daemon=True).start()
    left = app.run(**spec.get("run", {}))
    say("left", unfinished=left)
    record.close()
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
