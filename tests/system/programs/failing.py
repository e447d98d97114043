"""A worker whose handler fails often, by the message and its lease.

One message in six is retried, one in thirty rejected; from the fourth attempt on all are
acknowledged. (A snooze counts no attempt, so that the oracle could not tell it from a repeat.)
Orders: settings, hold_s (how long a handler takes), subscription (handle what this one reads).
"""

from __future__ import annotations

import sys
import threading
import zlib
from datetime import timedelta

import msgq
from tests.system.programs.common import checksum, key_of, recorder, say, say_ready, spec

app = msgq.App(**spec.get("settings", {}))
record = recorder()
_never = threading.Event()
Outcome = msgq.Retry | msgq.Reject | None
_BACK = timedelta(milliseconds=30)


def verdict_of(key: str, lease: str, attempt: int) -> tuple[str, Outcome]:
    """What becomes of a delivery."""
    number = zlib.crc32(f"{key}/{lease}".encode())
    if attempt > 3:
        return "ack", None
    if number % 30 == 0:
        return "reject", msgq.Reject("not wanted")
    if number % 6 == 0:
        return "retry", msgq.Retry(_BACK)
    return "ack", None


@app.handler(queue=spec["queue"], name="*", subscription=spec.get("subscription"))
def handle(body: bytes, ctx: msgq.Context) -> msgq.Retry | msgq.Reject | None:
    key, lease = key_of(body), str(ctx.fence)
    record.received(key, ctx.attempt, lease, checksum(body, dict(ctx.headers)),
                    stored=str(ctx.id))  # fmt: skip
    verdict, outcome = verdict_of(key, lease, ctx.attempt)
    _never.wait(spec.get("hold_s", 0.0))
    record.settle(key, lease, verdict)
    return outcome


def main() -> int:
    app.open()
    threading.Thread(target=say_ready, daemon=True).start()
    left = app.run()
    say("left", unfinished=left)
    record.close()
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
