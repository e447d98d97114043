"""The key of a message: those of one key run one at a time, in the order they were enqueued.

Pure functions; any thread.
"""

from __future__ import annotations

from typing import Final

from msgq.errors import ConfigError

BYTES_MAX: Final = 512


def parse_key(value: str | None) -> str:
    """Gives the key, "" for none. Raises ConfigError for what is no key."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(f"a key is text, not {type(value).__name__}: {value!r}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ConfigError(f"key {value!a} holds lone surrogates") from error
    if not 1 <= size <= BYTES_MAX:
        raise ConfigError(f"a key has from 1 to {BYTES_MAX} bytes, {value[:40]!r} has {size}")
    return value
