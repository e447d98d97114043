"""Calls between Python and the core are counted: one a lot of messages, never one a message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import msgq
from msgq._engine import core
from msgq.testing import run_until_idle

COUNT = 5_000
CROSSINGS_MAX = 100
"""A lot is what a slot lately finished in 5 ms: the first is one message, later ones hundreds."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each function of the core's engine was called."""
    counts: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            counts[name] += 1
            return real(*args, **more)

        return counted

    engine = core().Engine
    for name in (each for each in dir(engine) if not each.startswith("_")):
        monkeypatch.setattr(engine, name, counting(name, getattr(engine, name)))
    return counts


def test_a_handler_called_per_message_crosses_once_a_lot(
    any_app: msgq.App, calls: Counter[str]
) -> None:
    seen: list[int] = []

    @any_app.handler(queue="q")
    def handler(n: int) -> None:
        seen.append(n)

    handler.enqueue_many(list(range(COUNT)))
    assert calls["enqueue_many"] == 1
    run_until_idle(any_app, timeout=60)
    assert sorted(seen) == list(range(COUNT))
    assert 1 <= calls["settle"] <= calls["take"]
    assert calls.total() < CROSSINGS_MAX


def test_a_batch_handler_crosses_once_a_batch(any_app: msgq.App, calls: Counter[str]) -> None:
    sizes: list[int] = []

    @any_app.handler(queue="q", batch=msgq.Batch(max_size=1_000))
    def handler(numbers: list[int]) -> None:
        sizes.append(len(numbers))

    handler.enqueue_many(list(range(COUNT)))
    run_until_idle(any_app, timeout=60)
    assert sum(sizes) == COUNT
    assert calls["settle"] == len(sizes)
