"""X6: whatever a handler raises, the worker goes on and the message keeps a readable record.

A text of ten million characters, lone surrogates, NUL bytes, an exception whose text cannot be had,
exits and interrupts, groups of exceptions: each counts as a failure of its message, is stored cut
and escaped, and the message behind it is handled by the same worker.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import msgq


class UnspeakableError(Exception):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def group() -> BaseException:
    """A group inside a group; before Python 3.11 an exception that was caused by another."""
    kind: Any = getattr(builtins, "ExceptionGroup", None)
    if kind is not None:
        made: BaseException = kind("outer", [ValueError("a"), kind("inner", [KeyError("b")])])
        return made
    error = ValueError("a")
    error.__cause__ = KeyError("b")
    return error


RAISED: dict[str, Callable[[], BaseException]] = {
    "ten million characters": lambda: ValueError("x" * 10_000_000),
    "lone surrogates": lambda: ValueError("\ud800\udfff"),
    "NUL bytes": lambda: ValueError("a\0b"),
    "no text": UnspeakableError,
    "a plain BaseException": lambda: BaseException("base"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(5),
    "GeneratorExit": GeneratorExit,
    "cancelled": asyncio.CancelledError,
    "a group": group,
}


@pytest.mark.parametrize("what", RAISED)
def test_x6_a_worker_survives_what_its_handler_raises(tmp_path: Path, what: str) -> None:
    app = msgq.App(f"sqlite:///{tmp_path}/store.db", max_attempts=1, concurrency=1)
    seen: list[bytes] = []

    @app.handler(queue="work", name="*")
    def handle(body: bytes) -> None:
        seen.append(body)
        if body == b"bad":
            error = RAISED[what]()
            raise error

    with app:
        queue = app.queue("work")
        queue.enqueue_many([b"bad", b"good"])
        with app.worker() as worker:
            worker.run_until_idle(20)
            queue.enqueue(b"after")
            worker.run_until_idle(20)
        assert seen == [b"bad", b"good", b"after"]
        (dead,) = queue.dead()
    assert dead.body == b"bad"
    assert dead.failures == 1
    (record,) = dead.history
    assert len(str(record)) < 10_000
    assert "\0" not in str(record) + dead.reason
    assert (str(record) + dead.reason).encode()  # valid UTF-8: no surrogate is left alone
