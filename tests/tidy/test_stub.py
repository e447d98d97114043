"""The stub of the extension module tells the truth about it."""

from __future__ import annotations

import subprocess
import sys

from tests.tidy.tree import ROOT


def test_the_stub_fits_the_module() -> None:
    """mypy.stubtest imports the module and holds each name and signature against the stub."""
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "msgq._core", "--concise"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
