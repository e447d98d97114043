"""Uses msgq and Python's own sqlite3 on one file, in one process, at once.

Orders: turns, and those of mixed: each turn opens the store's file with sqlite3, looks and closes.
"""

from __future__ import annotations

import sqlite3
import threading
import time

import msgq
from tests.system.programs.common import recorder, say, spec
from tests.system.programs.mixed import settle
from tests.system.programs.produce import send


def open_and_close(path: str, is_over: threading.Event) -> None:
    """Open the file again and again; closing any descriptor of it must not drop msgq's locks."""
    rounds = 0
    while not is_over.is_set():
        file = sqlite3.connect(path, timeout=10)
        file.execute("SELECT count(*) FROM sqlite_master").fetchall()
        file.close()
        rounds += 1
    say("meddled", rounds=rounds)


def main() -> None:
    is_over = threading.Event()
    with recorder() as record, msgq.connect(**spec.get("settings", {})) as client:
        queue = client.queue(spec["queue"])
        queue.enqueue_many([])  # the file is there from here on
        other = threading.Thread(target=open_and_close, args=(spec["path"], is_over))
        other.start()
        say("ready")
        for turn in range(spec["turns"]):
            send(queue, record, turn, 5)
            since_ns = time.monotonic_ns()
            for number, delivery in enumerate(queue.claim(5, wait=0, lease=30)):
                settle(record, delivery, since_ns, number)
        is_over.set()
        other.join()
        say("over")


if __name__ == "__main__":
    main()
