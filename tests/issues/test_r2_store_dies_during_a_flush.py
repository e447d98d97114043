"""R2: the database dies during a flush; every receipt says what became of its message."""

from __future__ import annotations

import threading
from collections import Counter

import msgq
from tests.support.postgres import PostgresServer

COUNT = 20_000


def test_r2_every_receipt_is_told(own_postgres: PostgresServer) -> None:
    with msgq.connect(own_postgres.url, enqueue_timeout=60, batch_count_max=50) as client:
        queue = client.queue("q")
        half = threading.Event()
        receipts: list[msgq.Receipt] = []

        def send() -> None:
            for number in range(COUNT):
                receipts.append(queue.enqueue_later(b"%d" % number))
                if number == COUNT // 2:
                    half.set()

        sender = threading.Thread(target=send)
        sender.start()
        assert half.wait(30)
        own_postgres.kill()
        own_postgres.start()
        sender.join()
        msgq.wait_all(receipts, timeout=60)
        told = Counter(each.status for each in receipts)
        assert told == {"persisted": COUNT}
        assert queue.depth().sent == COUNT
        bodies: Counter[bytes] = Counter()
        while found := queue.claim(1_000):
            bodies.update(each.body for each in found)
            for each in found:
                each.ack()
        assert set(bodies.values()) == {1}
        assert len(bodies) == COUNT


def test_r2_given_up_is_told_too(own_postgres: PostgresServer) -> None:
    """It stays away: no receipt is left open, and those that failed are certainly not stored."""
    with msgq.connect(own_postgres.url, enqueue_timeout=1.0) as client:
        queue = client.queue("q")
        queue.enqueue(b"before")
        receipts = [queue.enqueue_later(b"x") for _ in range(500)]
        own_postgres.kill()
        receipts += [queue.enqueue_later(b"x") for _ in range(500)]
        msgq.collect(receipts, timeout=60)
        told = Counter(each.status for each in receipts)
        own_postgres.start()
        sent = queue.depth().sent - 1
        assert set(told) <= {"persisted", "in_doubt", "failed"}
        assert told["persisted"] <= sent <= told["persisted"] + told["in_doubt"]
        assert told["failed"] + told["in_doubt"] > 0
