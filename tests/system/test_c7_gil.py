"""C7: no call of msgq holds the interpreter while it waits for something.

One thread ticks; another makes a call that waits: for a message, for a receipt, for room, for the
store's file, which somebody else has locked. While it waits the ticks go on; a call that kept the
interpreter would leave none between its beginning and its end.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import msgq

WAIT_S = 0.4
TICK_S = 0.005
FEWEST = 8  # of about 80: two busy cores may be elsewhere for a while


class Ticker:
    """A thread that notes the time every few milliseconds, if it may."""

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._is_over.wait(TICK_S):
            self.ticks.append(time.monotonic())

    def during(self, call: Callable[[], object]) -> tuple[int, float]:
        """Make the call; gives the ticks while it lasted, and how long that was."""
        self._thread.start()
        began = time.monotonic()
        call()
        ended = time.monotonic()
        self._is_over.set()
        self._thread.join()
        inside = [each for each in self.ticks if began < each < ended]
        gaps = [b - a for a, b in zip([began, *inside], [*inside, ended], strict=True)]
        print(
            f"{len(inside)} ticks in {ended - began:.2f} s, longest gap {max(gaps) * 1000:.0f} ms"
        )
        return len(inside), ended - began


def no_room(client: msgq.Client) -> None:
    queue = client.queue("work")
    queue.enqueue_later(b"x")
    with contextlib.suppress(msgq.QueueFullError):
        queue.enqueue(b"y")


def pending(client: msgq.Client) -> None:
    receipt = client.queue("work").enqueue_later(b"x")
    with contextlib.suppress(msgq.WaitTimeoutError):
        receipt.wait(WAIT_S)


CALLS: dict[str, tuple[Callable[[msgq.Client], object], dict[str, float]]] = {
    "claim": (lambda client: client.queue("work").claim(1, wait=WAIT_S), {}),
    "enqueue that lingers": (lambda client: client.queue("work").enqueue(b"x"), {"linger": WAIT_S}),
    "receipt.wait": (pending, {"linger": 30}),
    "enqueue on a full queue": (
        no_room,
        {"linger": 30, "inflight_count_max": 1, "overflow_wait": WAIT_S},
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_c7_python_runs_while_a_call_waits(tmp_path: Path, call: str) -> None:
    made, settings = CALLS[call]
    with msgq.connect(f"sqlite:///{tmp_path}/store.db", **settings) as client:
        ticks, took = Ticker().during(lambda: made(client))
        assert took > WAIT_S / 2, "the call did not wait"
        assert ticks >= FEWEST


LOCKED: dict[str, Callable[[msgq.Client], object]] = {
    "enqueue": lambda client: client.queue("work").enqueue(b"x"),
    "enqueue_many": lambda client: client.queue("work").enqueue_many([b"x", b"y"]),
    "ack": lambda client: client.queue("mine").claim(1, wait=5)[0].ack(),
    "purge": lambda client: client.queue("mine").purge(),
    "close": lambda client: client.close(),
}


@pytest.mark.parametrize("call", LOCKED)
def test_c7_python_runs_while_a_call_waits_for_the_file(tmp_path: Path, call: str) -> None:
    """Somebody else has the store's write lock; Python lets it go from a thread of its own."""
    path = tmp_path / "store.db"
    with msgq.connect(f"sqlite:///{path}") as client:
        client.queue("mine").enqueue(b"first")
        if call == "close":
            client.queue("mine").claim(1)  # something to give back
        user = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        user.execute("BEGIN IMMEDIATE")
        release = threading.Timer(WAIT_S, lambda: user.execute("ROLLBACK"))
        release.start()
        ticks, took = Ticker().during(lambda: LOCKED[call](client))
        release.join()
        user.close()
        assert took > WAIT_S / 2, "the call did not wait"
        assert ticks >= FEWEST
