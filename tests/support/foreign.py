"""Another program on the store's file: it holds a write transaction for as long as a test wants."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
file.execute("begin immediate")
print("held", flush=True)
sys.stdin.read()
file.execute("rollback")
file.close()
"""


@contextmanager
def write_transaction(path: str | Path) -> Iterator[Callable[[], None]]:
    """Begins one in a process of its own, by Python's sqlite3; gives what ends it."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"

        def end() -> None:
            assert child.stdin is not None
            child.stdin.close()
            assert child.wait(30) == 0

        try:
            yield end
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
