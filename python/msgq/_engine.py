"""Loads the C++ core, gives it our error classes, and opens the engine a configuration asks for.

Any thread. The only module that decides between the core and the sync transport.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from msgq._lifecycle import logger
from msgq._sqlite_library import refuse_second_library
from msgq.errors import CORE_CLASSES, ConfigError, StoreUnavailableError

if TYPE_CHECKING:
    from threading import Event
    from types import ModuleType

    from msgq._core import Engine
    from msgq._url import StoreUrl
    from msgq.config import Config

OPTIONS: Final = (
    "headers", "delay", "priority", "ttl", "key", "dedup", "unique", "on_duplicate", "retry",
    "conn", "held",
)  # fmt: skip
"""What a call may say beyond its body."""
_core: ModuleType | None = None
_warned: set[str] = set()


def core() -> Any:
    """Gives the extension module, its error classes registered."""
    global _core
    if _core is None:
        from msgq import _core as module

        module.set_errors({each.code: each for each in CORE_CLASSES})
        _core = module
    return _core


def open_engine(config: Config, closing: Event) -> Engine:
    """Opens the store; `closing` ends the wait for it.

    Raises ConfigError, SchemaError, StoreError; then nothing is left open.
    """
    if config.url.scheme == "sync":
        from msgq._sync import SyncEngine

        return cast("Engine", SyncEngine(config))
    if config.url.scheme == "sqlite":
        refuse_second_library(core().sqlite_library())
    warn_of_weak_tls(config.url)
    if config["read_url"]:
        warn_of_weak_tls(config["read_url"])
    return cast(
        "Engine", open_in_time(config, lambda: core().Engine(config.core_options()), closing)
    )


def open_in_time(config: Config, opens: Callable[[], Any], closing: Event) -> Any:
    """Tries until the store is there or `start_wait` is over; says once that it waits.

    Raises what the last try raised, also when it is closed meanwhile; an interrupt ends the wait.
    """
    from msgq.retry import RetryPolicy

    until = time.monotonic() + config["start_wait"]
    pauses = RetryPolicy(base=0.1, cap=2.0)
    failures = 0
    while isinstance(found := _attempt(opens), StoreUnavailableError):
        failures += 1
        left = until - time.monotonic()
        if left <= 0:
            raise found
        if failures == 1:
            logger().warning("%s: waiting for the store, %.0f s: %s", config.url, left, found)
        if closing.wait(min(left, pauses.delay(failures))):
            raise found
    if failures:
        logger().info("%s: the store is there", config.url)
    return found


def _attempt(opens: Callable[[], Any]) -> Any:
    """Gives what opens, or why the store is away."""
    try:
        return opens()
    except StoreUnavailableError as error:
        return error


def warn_of_weak_tls(url: StoreUrl) -> None:
    """Says once for each URL that others on the network may read along."""
    if url.weak_tls and url.masked not in _warned:
        _warned.add(url.masked)
        logger().warning(
            "%s: sslmode=%s does not prove which server answers; verify-full does",
            url, url.weak_tls,
        )  # fmt: skip


def validate_queue_name(name: str) -> str:
    """Gives the name back. Raises ConfigError for what no queue may be called."""
    if not isinstance(name, str):
        raise ConfigError(f"a queue's name is text, not {type(name).__name__}")
    try:
        core().validate_queue_name(name)
    except (UnicodeEncodeError, TypeError) as error:
        raise ConfigError(f"queue name {name!a} holds lone surrogates") from error
    return name


def refuse_unknown(options: dict[str, Any]) -> None:
    """Raises ConfigError for options that no call has, naming the nearest."""
    for name in options:
        near = difflib.get_close_matches(name, OPTIONS, 1)
        hint = f"; did you mean {near[0]}=?" if near else ""
        known = ", ".join(f"{each}=" for each in OPTIONS)
        raise ConfigError(f"unknown option {name}={hint} There are {known}")
