"""Closes every open client at interpreter exit, refuses use after that, and after a fork.

Any thread. Exit hooks run in reverse order of registration: what was registered after msgq was
imported may still enqueue, later calls get ClosedError.
"""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from collections.abc import Callable
from typing import Final, Protocol

from msgq.errors import ClosedError

_EXIT_SECONDS: Final = 4.0
"""How long exit waits for what is on its way; the store keeps the rest for other processes."""


class Closable(Protocol):
    """What can be closed at exit."""

    def close(self, timeout: float | None = None) -> bool: ...


_open: weakref.WeakSet[Closable] = weakref.WeakSet()
_last: list[Callable[[], None]] = []
_is_exiting: bool = False
_forked_pid: int = 0


def register(client: Closable) -> None:
    """Remembers a client about to open its store. Raises ClosedError at interpreter exit."""
    _open.add(client)  # before the look: the exit hook sees the client, or the client sees it
    check_open()


def forget(client: Closable) -> None:
    """Forgets a client that was closed."""
    _open.discard(client)


def check_open() -> None:
    """Raises ClosedError once the interpreter is exiting."""
    if _is_exiting:
        raise ClosedError("the interpreter is exiting and msgq is closed; enqueue before exit")


def _close_all() -> None:
    global _is_exiting
    _is_exiting = True
    for client in list(_open):
        _close_quietly(client)

    for last in _last:
        last()


def at_exit(call: Callable[[], None]) -> None:
    """Calls `call` at interpreter exit, after every client was closed."""
    _last.append(call)


def _close_quietly(client: Closable) -> None:
    try:
        client.close(_EXIT_SECONDS)
    except Exception:  # noqa: BLE001 (nothing may keep the interpreter from exiting)
        logger().exception("closing at exit failed")


def _after_fork() -> None:
    global _forked_pid
    _forked_pid = os.getpid()
    # the parent's engines live in the parent; closing them here would be wrong
    _open.clear()
    _last.clear()


def is_exiting() -> bool:
    """True from the moment the exit hook ran."""
    return _is_exiting


def logger() -> logging.Logger:
    """Gives the logger of msgq, which nothing here ever configures."""
    return logging.getLogger("msgq")


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork)
