"""Python objects on the hot path are counted: what a message costs must not grow unseen.

Blocks of memory (`sys.getallocatedblocks`) are compared between two moments of the same thread.
Everything that a thousand messages need is alive at the second one; the bounds are per message.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

import msgq

COUNT = 1_000
BODY = b"x" * 200


@dataclass
class Click:
    user: int
    page: str


@pytest.fixture
def app() -> Iterator[msgq.App]:
    """An app on a fresh store in memory."""
    with msgq.App("memory://") as app:
        yield app


@contextmanager
def still_memory() -> Iterator[None]:
    """No collection in between: it would free what is to be counted."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def blocks_held_by_a_batch(app: msgq.App, kind: type, items: list[object]) -> float:
    """Blocks a message that are alive when a batch handler was given all of them."""
    before = held = 0
    batches: list[list[object]] = []
    is_begun, is_sent, is_over = threading.Event(), threading.Event(), threading.Event()

    def handle(batch: list[object]) -> None:
        nonlocal before, held
        batches.append(batch)
        if len(batches) == 1:  # the first message, alone: the rest is sent meanwhile
            is_begun.set()
            assert is_sent.wait(30)
            before = sys.getallocatedblocks()
        elif sum(map(len, batches)) == COUNT + 1:
            held = sys.getallocatedblocks() - before
            is_over.set()

    handle.__annotations__["batch"] = list[kind]  # type: ignore[valid-type]
    handler = app.handler(queue="q", name="handle", batch=msgq.Batch(max_size=COUNT))(handle)
    with still_memory(), app.worker(concurrency=1):
        for _ in range(2):  # the first time fills caches and free lists
            batches.clear()
            for event in (is_begun, is_sent, is_over):
                event.clear()
            handler.enqueue(items[0])
            assert is_begun.wait(30)
            handler.enqueue_many(items)
            is_sent.set()
            assert is_over.wait(30)
    return held / COUNT


def test_bytes_handed_to_a_batch_handler_are_one_block_each(app: msgq.App) -> None:
    assert blocks_held_by_a_batch(app, bytes, [BODY] * COUNT) < 1.1


def test_dataclasses_handed_to_a_batch_handler_cost_themselves_and_the_body(
    app: msgq.App,
) -> None:
    # Body, instance, its values' dict or slots, the text: nothing of msgq's own.
    items: list[object] = [Click(70_000 + number, f"/page/{number}") for number in range(COUNT)]
    assert blocks_held_by_a_batch(app, Click, items) < 6


def test_handler_called_per_message_leaves_nothing_behind(app: msgq.App) -> None:
    seen: list[int] = []
    is_over = threading.Event()

    @app.handler(queue="q", name="handle")
    def handle(body: bytes) -> None:
        seen[0] += 1
        if seen[0] == COUNT:
            is_over.set()

    def round_of_messages() -> None:
        seen[:] = [0]
        is_over.clear()
        handle.enqueue_many([BODY] * COUNT)
        assert is_over.wait(30)

    with still_memory(), app.worker(concurrency=1) as worker:
        for _ in range(3):
            round_of_messages()
        worker.run_until_idle(30)
        before = sys.getallocatedblocks()
        round_of_messages()
        worker.run_until_idle(30)
        assert (sys.getallocatedblocks() - before) / COUNT < 0.1


def test_receipt_of_a_block_makes_nothing_per_message(app: msgq.App) -> None:
    @app.handler(queue="q", name="never")
    def never(body: bytes) -> None: ...

    bodies = [BODY] * COUNT
    never.enqueue_many(bodies)
    with still_memory():
        before = sys.getallocatedblocks()
        receipt = never.enqueue_many(bodies)
        held = (sys.getallocatedblocks() - before) / COUNT
        assert held < 0.05
        assert len(receipt) == COUNT


def test_pipelined_receipt_costs_few_blocks(app: msgq.App) -> None:
    @app.handler(queue="q", name="never")
    def never(body: bytes) -> None: ...

    msgq.wait_all([never.enqueue_later(BODY) for _ in range(COUNT)])
    with still_memory():
        before = sys.getallocatedblocks()
        receipts = [never.enqueue_later(BODY) for _ in range(COUNT)]
        msgq.wait_all(receipts)
        assert (sys.getallocatedblocks() - before) / COUNT < 4.5


def test_single_enqueue_keeps_only_its_receipt(app: msgq.App) -> None:
    @app.handler(queue="q", name="never")
    def never(body: bytes) -> None: ...

    kept = [never.enqueue(BODY) for _ in range(COUNT)]
    with still_memory():
        before = sys.getallocatedblocks()
        kept = [never.enqueue(BODY) for _ in range(COUNT)]
        assert abs(sys.getallocatedblocks() - before) / COUNT < 0.1  # as many as those dropped
        before = sys.getallocatedblocks()
        kept.clear()
        assert (before - sys.getallocatedblocks()) / COUNT < 2.5
