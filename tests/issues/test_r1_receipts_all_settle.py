"""R1: 100,000 receipts all resolve exactly once, none by timeout."""

from __future__ import annotations

import threading
from collections import Counter

import msgq
from tests.support.stores import over_stores


@over_stores
def test_100_000_receipts_settle_exactly_once(url: str) -> None:
    called: Counter[int] = Counter()
    all_called = threading.Event()

    def note(receipt: msgq.Receipt) -> None:
        called[id(receipt)] += 1
        if len(called) == len(receipts):
            all_called.set()

    receipts: list[msgq.Receipt] = []
    with msgq.connect(url, durability="os") as client:
        queue = client.queue("q")
        receipts.extend(queue.enqueue_later(b"x") for _ in range(100_000))
        for each in receipts:
            each.add_done_callback(note)
        msgq.wait_all(receipts, timeout=60)
        assert all_called.wait(60)
        assert {each.status for each in receipts} == {"persisted"}
        assert set(called.values()) == {1}
        assert len({each.id for each in receipts}) == 100_000
        assert client.queue("q").depth().waiting == 100_000
