"""Other queues on the same server, with the same messages, in an environment of their own.

Each program of this folder is run by that environment's interpreter: it takes one JSON object
(dsn, kind: one, bulk or both; seconds) and prints one, with `per_s`. Needs a package index once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.harness import SkippedError

PEERS = ("pgqueuer", "pgmq")
PACKAGES = ("pgqueuer==1.6.0", "asyncpg", "uvloop", "pgmq==1.1.4", "psycopg[binary]")
HOME = machine.ROOT / "build" / "peers"


def run(peer: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Run a peer and give what it printed last."""
    program = Path(__file__).parent / f"{peer}_peer.py"
    done = subprocess.run(
        [_python(), program, json.dumps(dict(plan))], stdout=subprocess.PIPE, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _python() -> Path:
    """The interpreter of the peers' environment, which is made when it is not there yet."""
    python = HOME / "bin" / "python"
    stamp = HOME / "packages"
    wanted = " ".join(PACKAGES)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    except subprocess.CalledProcessError as error:
        raise SkippedError(f"the peers cannot be installed: {error}") from error
    stamp.write_text(wanted)
    return python
