"""What a test of the contract may say besides passing and failing: still open, known as a fault.

The only module of the tests that ends a test as an expected failure. Each such end is counted in
the line that the run ends with; see tests/support/contract.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

import msgq
from benchmarks import cases, postgres_cases
from tests.support.contract import FAULT, OPEN

MeasuredBy = Callable[..., None]


def waits_for(feature: str) -> NoReturn:
    """Ends the test: the statement needs what is not built yet."""
    pytest.xfail(OPEN + feature)


def fault(what: str) -> NoReturn:
    """Ends the test: msgq does not keep the statement. Call it only where that was just seen."""
    pytest.xfail(FAULT + what)


def refuses(app: msgq.App, name: str, **option: Any) -> None:
    """Checks that an option of a later version is refused clearly, and leaves nothing behind.

    Once the option is built this fails, so that what waits for it is looked at again.
    """
    queue, why = app.queue(name), f"{next(iter(option))}=.*{app.transport}"
    for call in (queue.enqueue, queue.enqueue_later):
        with pytest.raises(msgq.UnsupportedError, match=why):
            call(b"x", **option)
    with pytest.raises(msgq.UnsupportedError, match=why):
        queue.enqueue_many([b"x"], **option)
    assert not app.is_open or queue.depth().sent == 0  # the store is not even opened for it


def benchmark_rows() -> set[str]:
    """The rows that `make bench` and `make bench-pg` print."""
    listed = [*cases.all_cases(), *postgres_cases.all_cases()]
    return {row.id for case in listed for row in case.rows}
