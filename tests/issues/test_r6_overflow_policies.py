"""R6: a full intake blocks, times out, raises or drops exactly as configured, and never spins."""

from __future__ import annotations

import threading
import time

import pytest

import msgq


def full(**settings: object) -> msgq.Queue:
    """A queue on a bounded store in memory that is full."""
    client = msgq.connect("memory://", profile="test", store_count_max=10, **settings)
    queue = client.queue("q")
    queue.enqueue_many([b"x"] * 10)
    return queue


def test_raise() -> None:
    queue = full(overflow="raise")
    with pytest.raises(msgq.QueueFullError):
        queue.enqueue(b"x")
    assert queue.depth().waiting == 10


def test_drop() -> None:
    queue = full(overflow="drop")
    assert queue.enqueue(b"x").status == "dropped"
    assert queue.depth().waiting == 10
    assert queue._client.stats().traffic_of("q").dropped == 1


def test_block_times_out_without_spinning() -> None:
    queue = full(overflow="block", overflow_wait=0.5)

    def cpu_of_a_wait() -> float:
        begin, cpu = time.monotonic(), time.process_time()
        with pytest.raises(msgq.QueueFullError):
            queue.enqueue(b"x")
        assert 0.4 <= time.monotonic() - begin < 10
        return time.process_time() - cpu

    # the whole process is measured: what other tests left behind may work in one of three
    assert min(cpu_of_a_wait() for _ in range(3)) < 0.25
    assert queue.depth().waiting == 10


def test_block_goes_on_when_there_is_room() -> None:
    queue = full(overflow="block", overflow_wait=30)
    done = threading.Event()

    def enqueue() -> None:
        queue.enqueue(b"late")
        done.set()

    waiting = threading.Thread(target=enqueue)
    waiting.start()
    for each in queue.claim(5, wait=5):
        each.ack()
    assert done.wait(20)
    waiting.join(20)
    assert queue.depth().waiting == 6
