"""A supervised app in which some messages kill the interpreter, each in a way of its own.

A body names its deed: "good" or one of DEEDS. Orders: processes, settings.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable

import msgq
from tests.system.programs.common import checksum, key_of, recorder, say, spec


def null_pointer() -> None:
    ctypes.string_at(0)


def overflow() -> None:
    """Run out of C stack, in a thread that has little of it."""

    def deeper(_: int) -> int:
        return max([1], key=deeper)  # each level is a C call that calls back

    sys.setrecursionlimit(10**6)
    threading.stack_size(1 << 16)
    thread = threading.Thread(target=deeper, args=(0,))
    thread.start()
    thread.join()


DEEDS: dict[str, Callable[[], object]] = {
    "null": null_pointer,
    "abort": os.abort,
    "exit": lambda: os._exit(9),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "overflow": overflow,
}
app = msgq.App(**spec.get("settings", {}))
record = recorder(f"{spec['client']}.{os.getpid()}")


@app.handler(queue=spec["queue"], name="*")
def handle(body: bytes, ctx: msgq.Context) -> None:
    key, lease = key_of(body), str(ctx.fence)
    record.received(key, ctx.attempt, lease, checksum(body, dict(ctx.headers)))
    deed = DEEDS.get(key.partition("-")[0])
    if deed is not None:
        say("deadly", key=key, attempt=ctx.attempt)
        deed()
    record.settle(key, lease, "ack")


if __name__ == "__main__":
    sys.exit(app.run(processes=spec["processes"]))
