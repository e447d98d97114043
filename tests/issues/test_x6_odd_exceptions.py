"""X6: whatever an exception holds is stored cut and escaped, and the worker lives on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import msgq
from msgq.testing import run_until_idle
from tests.support.stores import over_stores


class BrokenError(Exception):
    def __str__(self) -> str:
        raise SystemExit("not even that")


class OddError(Exception):
    pass


OddError.__module__ = "\ud800"


def group() -> BaseException:
    if sys.version_info >= (3, 11):
        return ExceptionGroup("many", [ValueError("first"), KeyError("second")])  # noqa: F821
    return ValueError("many: first, second")


MAKERS: dict[str, Callable[[], BaseException]] = {
    "10 MB": lambda: ValueError("x" * (10 << 20)),
    "surrogates": lambda: ValueError("a\ud800b"),
    "NUL": lambda: ValueError("a\0b"),
    "broken str": BrokenError,
    "odd module": OddError,
    "base": lambda: BaseException("base"),
    "interrupt": KeyboardInterrupt,
    "exit": lambda: SystemExit(7),
    "group": group,
    "cause": lambda: ValueError("\ud800" * 10_000),
}


@over_stores
def test_x6_every_odd_exception_is_kept_and_nothing_ends(url: str) -> None:
    with msgq.App(url, profile="test") as app:
        good: list[str] = []

        @app.handler(queue="q", name="h", retry=msgq.RetryPolicy(2, base=0))
        def handler(kind: str) -> None:
            if kind in MAKERS:
                error = MAKERS[kind]()
                raise error from ValueError("\ud800")
            good.append(kind)

        handler.enqueue_many([*MAKERS, "good"])
        run_until_idle(app, timeout=60)
        assert good == ["good"]
        dead: dict[str, msgq.Message] = {each.value()[0]: each for each in app.queue("q").dead()}
        assert set(dead) == set(MAKERS)
        for each in dead.values():
            assert each.failures == 2
            assert len(each.history) == 2
            for attempt in each.history:
                assert len(json.dumps(attempt)) < 20_000
                assert len(attempt["text"]) <= 2_000
                assert len(attempt["trace"]) <= 4_000
            assert each.reason.isprintable()
            each.reason.encode()
        texts: dict[str, Any] = {kind: each.history[0]["text"] for kind, each in dead.items()}
        assert texts["surrogates"] == "a\\ud800b"
        assert texts["NUL"] == "a\\x00b"
        assert "SystemExit" in texts["broken str"]
        assert "handler" in dead["base"].history[0]["trace"]
        if sys.version_info >= (3, 11):
            assert "first" in dead["group"].history[0]["trace"]


def test_x6_the_history_keeps_the_first_and_the_last_ten() -> None:
    with msgq.App("memory://", profile="test") as app:
        number = iter(range(1, 1000))

        @app.handler(queue="q", retry=msgq.RetryPolicy(30, base=0))
        def handler(n: int) -> None:
            raise ValueError(str(next(number)))

        handler.enqueue(1)
        run_until_idle(app, timeout=60)
        (dead,) = app.queue("q").dead()
        texts = [each["text"] for each in dead.history]
        assert texts == [*map(str, range(1, 11)), *map(str, range(21, 31))]
