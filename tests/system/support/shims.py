"""Small C libraries that stand before libc in a program: they end it, or shift its clock."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def preload(name: str, folder: Path) -> dict[str, str]:
    """Compile support/NAME.c once per folder; gives the environment that puts it before libc."""
    made = folder / f"{name}.so"
    if not made.exists():
        source = HERE / f"{name}.c"
        command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]
        subprocess.run([*command, str(made), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(made)}
