"""What an edit makes of a dead letter: its new body and headers, checked, as the store takes them.

Pure; any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import msgspec

from msgq import codec
from msgq.errors import ConfigError, PayloadError
from msgq.message import Message


class Changes(TypedDict, total=False):
    """What is new about a dead letter; what is not named stays."""

    body: Any
    """As the letter's `value()` is: of a handler's message, its arguments. Or bytes, which have to
    be what the letter's `content` says."""
    headers: Mapping[str, Any] | None
    """All of them but those that msgq added, which stay."""


def encoded(letter: Message, changes: Changes, body_max: int) -> dict[str, bytes]:
    """Gives what changes, encoded as the letter was.

    Raises ConfigError for a name that is none, PayloadError for what cannot be encoded so, or is
    over `body_max` bytes.
    """
    if unknown := set(changes) - {"body", "headers"}:
        raise ConfigError(f"body and headers can be edited, not {', '.join(sorted(unknown))}")
    out = {}
    if "body" in changes:
        out["body"] = _body(letter, changes["body"])
        if len(out["body"]) > body_max:
            raise PayloadError(
                f"body of {len(out['body'])} bytes, at most {body_max} are allowed "
                "(message_bytes_max)"
            )
    if "headers" in changes:
        own = {k: v for k, v in letter.headers.items() if k.lower().startswith(codec.RESERVED)}
        out["headers"] = codec.encode_headers(changes["headers"], own) or b""
    return out


def _body(letter: Message, value: Any) -> bytes:
    if isinstance(value, bytes):
        codec.decode_content(codec.CONTENT_NAMES.index(letter.content), value)
        return value
    if letter.content == "json":
        return codec.encode_json(value)
    if letter.content == "text" and isinstance(value, str):
        return value.encode()
    if letter.content == "msgpack":
        try:
            return msgspec.msgpack.encode(value, enc_hook=codec.encode_hook)
        except codec.FAULTS as error:
            raise codec.explain_encode(value, error) from error
    raise PayloadError(f"the letter's body is {letter.content}, got {type(value).__name__}")
