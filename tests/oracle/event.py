"""One line of a history: what a client was about to do, or what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class HistoryError(ValueError):
    """A history that cannot be trusted: broken inside, lines missing, an answer without a call."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line, immutable. `phase` is call (before), return (after) or note (an observation).

    Times: `mono_ns` is CLOCK_MONOTONIC, shared by all processes of a machine, so lines of different
    clients can be ordered; `wall_ms` is UTC, against which due times are judged. `call` is the seq
    of the call line that a return line answers.
    """

    client: str
    seq: int
    mono_ns: int
    wall_ms: int
    phase: str
    op: str
    id: str = ""
    attempt: int = 0
    lease: str = ""
    outcome: str = ""
    checksum: str = ""
    call: int = -1
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_line(self) -> bytes:
        """Give the line as JSON with its newline; empty fields are left out."""
        values: dict[str, Any] = {
            "client": self.client,
            "seq": self.seq,
            "mono_ns": self.mono_ns,
            "wall_ms": self.wall_ms,
            "phase": self.phase,
            "op": self.op,
        }
        for name in ("id", "attempt", "lease", "outcome", "checksum", "detail"):
            if value := getattr(self, name):
                values[name] = value
        if self.call >= 0:
            values["call"] = self.call
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> Event:
    """Read one whole line; raises HistoryError when it is no event."""
    try:
        return Event(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise HistoryError(f"not an event: {line[:80]!r}") from error


def fingerprint(body: bytes, headers: Mapping[str, str] | None = None, kind: str = "") -> str:
    """Sum up body, headers and content type (invariant I2 compares nothing less)."""
    digest = hashlib.blake2b(digest_size=12)
    parts = [body, kind.encode()]
    for name, value in sorted((headers or {}).items()):
        parts += [name.encode(), value.encode()]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
