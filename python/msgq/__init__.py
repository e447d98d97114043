"""msgq: a durable message queue for Python with a C++ core and no server to operate.

Start with `app = msgq.App()` and `@app.handler()`, or with `msgq.connect(url).queue(name)`. Names
are loaded when first used, so that importing msgq costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgq.app import App as App
    from msgq.client import Client as Client
    from msgq.client import connect as connect
    from msgq.context import Context as Context
    from msgq.errors import BatchError as BatchError
    from msgq.errors import ClosedError as ClosedError
    from msgq.errors import ConfigError as ConfigError
    from msgq.errors import DedupConflictError as DedupConflictError
    from msgq.errors import DuplicateError as DuplicateError
    from msgq.errors import HeldError as HeldError
    from msgq.errors import InternalError as InternalError
    from msgq.errors import LeaseLostError as LeaseLostError
    from msgq.errors import MsgqError as MsgqError
    from msgq.errors import NotFoundError as NotFoundError
    from msgq.errors import PayloadError as PayloadError
    from msgq.errors import QueueFullError as QueueFullError
    from msgq.errors import RolledBackError as RolledBackError
    from msgq.errors import SchemaError as SchemaError
    from msgq.errors import StoreError as StoreError
    from msgq.errors import StoreFullError as StoreFullError
    from msgq.errors import StoreInDoubtError as StoreInDoubtError
    from msgq.errors import StoreRejectedError as StoreRejectedError
    from msgq.errors import StoreUnavailableError as StoreUnavailableError
    from msgq.errors import UnroutableError as UnroutableError
    from msgq.errors import UnsupportedError as UnsupportedError
    from msgq.errors import WaitTimeoutError as WaitTimeoutError
    from msgq.handler import Batch as Batch
    from msgq.handler import Handler as Handler
    from msgq.keys import Key as Key
    from msgq.message import Delivery as Delivery
    from msgq.message import Message as Message
    from msgq.outcome import Ack as Ack
    from msgq.outcome import Reject as Reject
    from msgq.outcome import Retry as Retry
    from msgq.outcome import Snooze as Snooze
    from msgq.queue import Queue as Queue
    from msgq.receipt import BatchReceipt as BatchReceipt
    from msgq.receipt import Receipt as Receipt
    from msgq.receipt import as_completed as as_completed
    from msgq.receipt import collect as collect
    from msgq.receipt import wait_all as wait_all
    from msgq.retry import RetryPolicy as RetryPolicy

    __version__: str

_HOMES = {
    "app": ("App",),
    "client": ("Client", "connect"),
    "context": ("Context",),
    "handler": ("Batch", "Handler"),
    "keys": ("Key",),
    "message": ("Delivery", "Message"),
    "outcome": ("Ack", "Reject", "Retry", "Snooze"),
    "queue": ("Queue",),
    "receipt": ("BatchReceipt", "Receipt", "as_completed", "collect", "wait_all"),
    "retry": ("RetryPolicy",),
    "errors": (
        "BatchError", "ClosedError", "ConfigError", "DedupConflictError", "DuplicateError",
        "HeldError", "InternalError", "LeaseLostError", "MsgqError", "NotFoundError",
        "PayloadError", "QueueFullError", "RolledBackError", "SchemaError", "StoreError",
        "StoreFullError", "StoreInDoubtError", "StoreRejectedError", "StoreUnavailableError",
        "UnroutableError", "UnsupportedError", "WaitTimeoutError",
    ),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

# the four store errors and five more are reached as msgq.errors.X or msgq.X, but not by import *
__all__ = [  # noqa: RUF022 (by subject)
    "App", "Batch", "Client", "Context", "Handler", "Key", "RetryPolicy", "connect",
    "Delivery", "Message", "Queue",
    "BatchReceipt", "Receipt", "as_completed", "collect", "wait_all",
    "Ack", "Reject", "Retry", "Snooze",
    "BatchError", "ClosedError", "ConfigError", "DedupConflictError", "DuplicateError",
    "LeaseLostError", "MsgqError", "NotFoundError",
    "PayloadError", "QueueFullError", "StoreError", "UnsupportedError", "WaitTimeoutError",
    "__version__",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("msgq._core").__version__
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'msgq' has no attribute {name!r}")
    found = getattr(import_module(f"msgq.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, "__version__"})
