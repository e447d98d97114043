"""The stub of the extension module tells the truth about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.tidy.tree import ROOT

# What stubtest says of every pybind11 class (its metaclass; an __init__ that refuses), and the
# names of shapes that exist for type checkers only.
ALLOWED = r"""
msgq\._core\.(Engine|Kept|Lot|Receipt|Run|Waker|Worker)
msgq\._core\.(Kept|Lot|Receipt|Run|Worker)\.__init__
msgq\._core\.(Decision|DeliveryFields|Found)
"""


def test_the_stub_fits_the_module(tmp_path: Path) -> None:
    """mypy.stubtest imports the module and holds each name and signature against the stub."""
    allowed = tmp_path / "allowed.txt"
    allowed.write_text(ALLOWED)
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "msgq._core", "--concise", "--allowlist", allowed],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
