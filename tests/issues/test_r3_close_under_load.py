"""R3: close during full load from many threads: no deadlock, and every message is accounted for."""

from __future__ import annotations

import contextlib
import threading

import pytest

import msgq
from tests.support.stores import POSTGRES

THREADS = 8


@pytest.mark.parametrize("url", ["sqlite:///q.db", POSTGRES], indirect=True)
def test_r3_every_accepted_message_is_stored_or_its_receipt_says_why_not(url: str) -> None:
    client = msgq.connect(url)
    queue = client.queue("q")
    receipts: list[list[msgq.Receipt]] = [[] for _ in range(THREADS)]
    running = threading.Barrier(THREADS + 1)

    def flood(mine: list[msgq.Receipt]) -> None:
        running.wait()
        with contextlib.suppress(msgq.ClosedError):
            while True:
                mine.append(queue.enqueue_later(b"x" * 100))

    threads = [threading.Thread(target=flood, args=(mine,)) for mine in receipts]
    for thread in threads:
        thread.start()
    running.wait()
    while min(map(len, receipts)) < 200:
        assert all(thread.is_alive() for thread in threads)
    client.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    given = [each for mine in receipts for each in mine]
    msgq.collect(given, timeout=10)
    assert all(each.status in ("persisted", "failed", "in_doubt") for each in given)
    persisted = sum(each.status == "persisted" for each in given)
    in_doubt = sum(each.status == "in_doubt" for each in given)
    with msgq.connect(url) as again:
        assert persisted <= again.queue("q").depth().sent <= persisted + in_doubt
