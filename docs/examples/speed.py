"""How fast messages go in and out of a SQLite file at once, beside what SQLite itself allows.

    python docs/examples/speed.py [messages=1000000]

One thread enqueues blocks of 1,000 messages of 200 bytes, with up to eight blocks on their way, and
a worker of the same process calls a handler for each. Out means: durably settled.
Before and after, `sqlite_ceiling` does the same bare work in C++ (`make demo` builds it). Exit
status 1 when a message is missing or was handled twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

import msgq

ROOT = Path(__file__).resolve().parents[2]
CEILING = ROOT / "build" / "release" / "benchmarks" / "sqlite_ceiling"
BLOCK = 1_000
BYTES = 200
IN_FLIGHT = 8


def bare_sqlite(folder: Path) -> float | None:
    """Messages per second in and out of bare SQLite; None when the program was not built."""
    if not CEILING.exists():
        return None
    file = folder / "ceiling.db"
    words = [f"per_block={BLOCK}", f"bytes={BYTES}", "seconds=1"]
    done = subprocess.run([CEILING, file, *words], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["out_per_s"])


def in_and_out(folder: Path, messages: int) -> tuple[float, bool]:
    """Seconds until all are durably settled, and whether each was handled exactly once."""
    handled = bytearray(messages)
    with msgq.App(f"sqlite:///{folder}/speed.db") as app:

        @app.handler(queue="speed")
        def count(body: bytes) -> None:
            handled[int.from_bytes(body[:4], "big")] += 1

        padding = b"x" * (BYTES - 4)
        start = time.perf_counter()
        with app.worker(concurrency=1):
            open_receipts: deque[msgq.BatchReceipt] = deque()
            for first in range(0, messages, BLOCK):
                numbers = range(first, min(first + BLOCK, messages))
                bodies = [number.to_bytes(4, "big") + padding for number in numbers]
                open_receipts.append(count.enqueue_many_later(bodies))
                if len(open_receipts) > IN_FLIGHT:
                    open_receipts.popleft().wait()
            while app.queue("speed").depth().done < messages:
                time.sleep(0.001)
            took = time.perf_counter() - start
    return took, handled.count(1) == messages


def main() -> int:
    """Measure, print, check."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="speed-", dir=ROOT / "build") as name:
        folder = Path(name)
        before = bare_sqlite(folder)
        took, is_right = in_and_out(folder, messages)
        after = bare_sqlite(folder)
    rate = messages / took
    print(f"{messages:,} messages of {BYTES} bytes in and out at once: {rate:,.0f} msg/s, durable")
    if before and after:
        allowed = (before + after) / 2
        print(
            f"bare SQLite on this machine: {allowed:,.0f} msg/s; msgq reaches {rate / allowed:.0%}"
        )
    print("each was handled exactly once" if is_right else "NOT each was handled exactly once")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
