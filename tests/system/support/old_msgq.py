"""The msgq of schema version 1, built from the repository's history, to run beside today's."""

from __future__ import annotations

import subprocess
import sys

from tests.system.support.program import ROOT

COMMIT = "571b8ff"
"""The last one that made schema version 1."""
PLACE = ROOT / "build" / "old-msgq"


def environ() -> dict[str, str]:
    """What makes a program find the old one first; built once, which takes minutes."""
    site = PLACE / "site"
    if not (site / ".whole").exists():
        source = PLACE / "source"
        source.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(
            ["git", "archive", COMMIT], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade",
             "--no-build-isolation", "--target", str(site),
             f"--config-settings=build-dir={PLACE / 'build'}", str(source)],
            check=True,
        )  # fmt: skip
        (site / ".whole").touch()
    return {"PYTHONPATH": str(site)}
