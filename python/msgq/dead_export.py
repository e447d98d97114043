"""The lines of an export of dead letters: JSON, one letter each, readable without the others.

Pure; any thread.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from msgq.message import Message
from msgq.priority import NORMAL

VERSION = 1


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One dead letter. `body` when it is UTF-8, else `body_base64`; times are ISO 8601, UTC.

    Of a line that is read, what stands above `id` counts; the rest is for people and programs.
    """

    msgq_dead_letter: int
    """The version of the line's form, so that a line by itself tells what it is."""
    queue: str
    content: Literal["bytes", "json", "msgpack", "text"]
    handler: str = ""
    headers: dict[str, Any] = {}
    body: str | None = None
    body_base64: bytes | None = None
    priority: Annotated[int, msgspec.Meta(ge=1, le=10)] = NORMAL
    expires: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    key: str = ""
    id: str = ""
    reason: str = ""
    error: str = ""
    enqueued: datetime | None = None
    died: datetime | None = None
    deliveries: int = 0
    failures: int = 0
    crashes: int = 0
    attempts: list[dict[str, Any]] = []


_encode = msgspec.json.Encoder().encode


def line_of(letter: Message) -> bytes:
    """Gives the line of a dead letter, its end included."""
    line = Line(
        msgq_dead_letter=VERSION,
        queue=letter.queue,
        content=letter.content,  # type: ignore[arg-type]
        handler=letter.handler,
        headers=letter.headers,
        priority=letter.priority,
        expires=letter.expires_at,
        key=letter.key or "",
        id=str(letter.id),
        reason=letter.reason,
        error=letter.error,
        enqueued=letter.enqueued_at,
        died=letter.changed_at,
        deliveries=letter.deliveries,
        failures=letter.failures,
        crashes=letter.crashes,
        attempts=letter.history,
    )
    try:
        line.body = letter.body.decode()
    except UnicodeDecodeError:
        line.body_base64 = letter.body
    return _encode(line) + b"\n"
