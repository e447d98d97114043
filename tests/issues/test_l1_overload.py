"""L1: producers far faster than what takes their messages: memory stays bounded, and they wait
their turn fairly."""

from __future__ import annotations

import threading

import pytest

import msgq
from msgq.stats import memory_bytes
from tests.support.stores import POSTGRES

PRODUCERS = 4
EACH = 20_000
BODY = b"x" * 1_000
BOUND = 4_000_000


@pytest.mark.parametrize("url", ["sqlite:///q.db", POSTGRES], indirect=True)
def test_l1_memory_is_bounded_and_producers_take_turns(url: str) -> None:
    with msgq.connect(url, inflight_bytes_max=BOUND, message_bytes_max=2_000) as client:
        queue = client.queue("q")
        queue.enqueue_many([BODY] * 1_000)
        baseline = memory_bytes()[0]
        sent = [0] * PRODUCERS
        first_done: list[list[int]] = []
        begin = threading.Barrier(PRODUCERS)

        def produce(mine: int) -> None:
            begin.wait()
            for _ in range(EACH):
                queue.enqueue_later(BODY)
                sent[mine] += 1
            first_done.append(list(sent))

        threads = [threading.Thread(target=produce, args=(mine,)) for mine in range(PRODUCERS)]
        for thread in threads:
            thread.start()
        most = grown = 0
        for thread in threads:
            while thread.is_alive():
                most = max(most, client.stats().store.bytes_in_flight)
                grown = max(grown, memory_bytes()[0] - baseline)
                thread.join(0.01)
        print(f"{most:,} bytes in flight at most, memory grew by {grown:,}; {first_done[0]}")
        assert most <= BOUND
        # 80 MB went through; the writer's copies and what is kept for use again are among this
        assert grown < 8 * BOUND
        assert max(first_done[0]) <= 2 * min(first_done[0])
    with msgq.connect(url) as again:
        assert again.queue("q").depth().waiting == 1_000 + PRODUCERS * EACH
