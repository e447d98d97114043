"""What the programs of the peers share. Runs in their environment: nothing of msgq is here."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

WARM_S = 1.0
BATCH = 1000
# As many messages as a producer may be ahead of the worker.
AHEAD_MAX = 5_000
CALL = {"user": 4711, "name": "Ada Lovelace", "text": "x" * 170}


def count(user: int, name: str, text: str) -> None:
    """Handle one message, called with the fields of its body."""


def connection_words(dsn: str) -> dict[str, str]:
    """The words of a libpq connection string."""
    return dict(word.split("=", 1) for word in dsn.split())


class Counter:
    """A number that processes share; one of them adds."""

    def __init__(self) -> None:
        self._value = multiprocessing.get_context("spawn").Value("q", 0, lock=False)

    def add(self, number: int) -> None:
        self._value.value += number

    @property
    def value(self) -> int:
        return int(self._value.value)


Producer = Callable[[Mapping[str, Any], Counter, Counter], None]


def start_producer(
    produce: Producer, plan: Mapping[str, Any], sent: Counter, done: Counter
) -> multiprocessing.process.BaseProcess:
    """Run `produce` in a process of its own, which ends with this one."""
    child = multiprocessing.get_context("spawn").Process(
        target=produce, args=(plan, sent, done), daemon=True
    )
    child.start()
    return child


def rate_of(counter: Counter, seconds: float) -> float:
    """What is added a second, once it has begun and is warm."""
    while counter.value == 0:
        time.sleep(0.005)
    time.sleep(WARM_S)
    start_s, before = time.perf_counter(), counter.value
    time.sleep(seconds)
    return (counter.value - before) / (time.perf_counter() - start_s)


def main(work: Callable[[Mapping[str, Any]], float]) -> None:
    """Run `work` with this process's argument and print its rate."""
    print(json.dumps({"per_s": work(json.loads(sys.argv[1]))}))
