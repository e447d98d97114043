"""What a test of the contract may say besides passing and failing: still open, known as a fault.

The only module of the tests that ends a test as an expected failure. Each such end is counted in
the line that the run ends with; see tests/support/contract.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from benchmarks import cases, postgres_cases
from tests.support.contract import FAULT, OPEN

MeasuredBy = Callable[..., None]


def waits_for(feature: str) -> NoReturn:
    """Ends the test: the statement needs what is not built yet."""
    pytest.xfail(OPEN + feature)


def fault(what: str) -> NoReturn:
    """Ends the test: msgq does not keep the statement. Call it only where that was just seen."""
    pytest.xfail(FAULT + what)


def benchmark_rows() -> set[str]:
    """The rows that `make bench` and `make bench-pg` print."""
    listed = [*cases.all_cases(), *postgres_cases.all_cases()]
    return {row.id for case in listed for row in case.rows}
