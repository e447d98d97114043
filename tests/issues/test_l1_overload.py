"""L1: producers far faster than what takes their messages: memory stays bounded, nobody starves."""

from __future__ import annotations

import threading

import pytest

import msgq
from msgq.stats import memory_bytes
from tests.support.stores import POSTGRES

PRODUCERS = 4
EACH = 15_000
FLOODS = 3
BODY = b"x" * 1_000
BOUND = 4_000_000


def flood(client: msgq.Client) -> tuple[int, list[int]]:
    """Send from several threads at once; gives the most bytes in flight that were seen, and how
    far each was when the first was done."""
    queue = client.queue("q")
    sent = [0] * PRODUCERS
    when_done: list[list[int]] = []
    begin = threading.Barrier(PRODUCERS)

    def produce(mine: int) -> None:
        begin.wait()
        for _ in range(EACH):
            queue.enqueue_later(BODY)
            sent[mine] += 1
        when_done.append(list(sent))

    threads = [threading.Thread(target=produce, args=(mine,)) for mine in range(PRODUCERS)]
    for thread in threads:
        thread.start()
    most = 0
    for thread in threads:
        while thread.is_alive():
            most = max(most, client.stats().store.bytes_in_flight)
            thread.join(0.01)
    return most, when_done[0]


@pytest.mark.parametrize("url", ["sqlite:///q.db", POSTGRES], indirect=True)
def test_l1_memory_is_bounded_and_no_producer_starves(url: str) -> None:
    with msgq.connect(url, inflight_bytes_max=BOUND, message_bytes_max=2_000) as client:
        flood(client)  # caches are full now
        grown = []
        for _ in range(FLOODS):  # the allocator keeps what it likes; not more each time
            baseline = memory_bytes()[0]
            most, progress = flood(client)
            grown.append(memory_bytes()[0] - baseline)
            print(f"{most:,} bytes in flight at most, memory grew by {grown[-1]:,}; {progress}")
            assert BOUND // 4 < most <= BOUND
            # who waits is woken with all others and may be overtaken, not for ever
            assert max(progress) <= 10 * min(progress)
        assert min(grown) <= BOUND * 5 // 4
    with msgq.connect(url) as again:
        assert again.queue("q").depth().waiting == (1 + FLOODS) * PRODUCERS * EACH
