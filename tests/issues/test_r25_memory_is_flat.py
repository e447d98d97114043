"""R25 and C6: memory of a worker is flat; no call of the core leaks a reference."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

import msgq
from msgq.stats import memory_bytes
from msgq.testing import run_until_idle


def test_r25_a_worker_over_a_million_messages() -> None:
    with msgq.App("memory://", profile="test") as app:

        @app.handler(queue="q")
        def handler(body: bytes) -> None: ...

        def round_of(count: int) -> int:
            for _ in range(count // 10_000):
                handler.enqueue_many([b"x" * 200] * 10_000)
            run_until_idle(app, timeout=100)
            return memory_bytes()[0]

        round_of(200_000)
        before = round_of(100_000)
        after = round_of(700_000)
        assert after - before < 24 << 20
        assert app.stats().traffic_of("q").done == 1_000_000


def refused(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        try:
            return call()
        except msgq.MsgqError:
            return None

    return run


@pytest.mark.parametrize(
    "kind",
    ["enqueue", "headers", "later", "many", "claim", "peek", "stats", "bad name", "too big",
     "empty claim", "lost", "callback"],
)  # fmt: skip
def test_c6_reference_counts_are_flat(kind: str) -> None:
    with msgq.connect("memory://", profile="test", message_bytes_max=1000) as client:
        queue = client.queue("q")
        queue.enqueue(b"first")
        body, headers = b"y" * 100, {"name": "value" * 3}
        big = b"z" * 1001

        def claim() -> None:
            queue.enqueue(body)
            for each in queue.claim(1, wait=1):
                each.ack()

        def lost() -> None:
            queue.enqueue(body)
            (delivery,) = queue.claim(1, wait=1)
            delivery.ack()
            refused(delivery.ack)()

        calls: dict[str, Callable[[], Any]] = {
            "enqueue": lambda: queue.enqueue(body),
            "headers": lambda: queue.enqueue(body, headers=headers),
            "later": lambda: queue.enqueue_later(body).wait(),
            "many": lambda: queue.enqueue_many([body] * 3),
            "claim": claim,
            "peek": lambda: queue.peek(3),
            "stats": client.stats,
            "bad name": refused(lambda: client.queue("..")),
            "too big": refused(lambda: queue.enqueue(big)),
            "empty claim": lambda: client.queue("empty").claim(1),
            "lost": lost,
            "callback": lambda: queue.enqueue_later(body).add_done_callback(bool),
        }
        call = calls[kind]
        rounds = 100_000 if kind in ("enqueue", "too big", "bad name") else 5_000
        watched = [body, big, headers, None, True, queue, client]
        for _ in range(100):
            call()
        gc.collect()
        counts, objects = [sys.getrefcount(each) for each in watched], len(gc.get_objects())
        for _ in range(rounds):
            call()
        gc.collect()
        grown = [sys.getrefcount(e) - n for e, n in zip(watched, counts, strict=True)]
        assert all(each < rounds / 20 for each in grown), grown
        assert len(gc.get_objects()) - objects < rounds / 20
