"""Every error msgq raises: one class per code of the core, and what a caller does next about each.

Safe from any thread; all classes pickle and copy. Imports nothing, so that anybody may import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class MsgqError(Exception):
    """Base of all errors of msgq; `code` is stable, `is_retryable` says whether waiting helps."""

    code: ClassVar[str] = "Msgq"
    is_retryable: ClassVar[bool] = False
    is_in_doubt: ClassVar[bool] = False
    store_code: int = 0
    receipt: Any = None


class ConfigError(MsgqError, ValueError):
    """A setting, name or URL is wrong; the text lists every wrong one. Nothing was opened."""

    code = "ConfigInvalid"


class PayloadError(MsgqError, ValueError):
    """A body cannot be encoded, decoded or stored as it is; nothing was enqueued."""

    code = "PayloadInvalid"


class QueueFullError(MsgqError):
    """Back-pressure: a queue, store or process holds all that it may; nothing was enqueued."""

    code = "QueueFull"
    is_retryable = True


class WaitTimeoutError(MsgqError, TimeoutError):
    """The wait ended, the work did not; wait again."""

    code = "WaitTimeout"
    is_retryable = True


class ClosedError(MsgqError):
    """The app or client is closed, closing, or was inherited through a fork."""

    code = "Closed"


class SchemaError(MsgqError):
    """The store belongs to another version of msgq or to another program; it was left untouched."""

    code = "SchemaMismatch"


class StoreError(MsgqError):
    """Base of what the store answers; `store_code` is the store's own number, 0 for none."""

    code = "Store"


class StoreUnavailableError(StoreError, ConnectionError):
    """The store could not be reached in time; certainly not written. Try again."""

    code = "StoreUnavailable"
    is_retryable = True


class StoreRejectedError(StoreError):
    """The store said no; trying again does not help."""

    code = "StoreRejected"


class StoreFullError(StoreError):
    """No room left on the device; certainly not written. Free some space, then try again."""

    code = "StoreFull"
    is_retryable = True


class StoreInDoubtError(StoreError):
    """May or may not be written, and that could not be found out in time. Safe to send again."""

    code = "StoreInDoubt"
    is_in_doubt = True


class LeaseLostError(MsgqError):
    """Somebody else may be running the message, or it is settled; drop your result."""

    code = "LeaseLost"


class NotFoundError(MsgqError, LookupError):
    """No such queue, message or handler."""

    code = "NotFound"


class UnroutableError(NotFoundError):
    """No rule says where the message goes; nothing was enqueued."""

    code = "Unroutable"


class DuplicateError(MsgqError):
    """A message of the same dedup id is there, as on_duplicate="raise" asks; not enqueued again.

    The text names that message; of a batch, the others were enqueued (`error.receipt`).
    """

    code = "Duplicate"


class DedupConflictError(DuplicateError):
    """A message of the same dedup id and another body is there; not enqueued."""

    code = "DedupConflict"


class RolledBackError(MsgqError):
    """What the message was part of did not come about: its handler failed, or its transaction.

    Nothing was enqueued.
    """

    code = "RolledBack"


class HeldError(MsgqError):
    """The message is held until its handler has succeeded: waiting for it there would never end."""

    code = "Held"


class UnsupportedError(MsgqError, NotImplementedError):
    """This transport cannot do it; the text names the transport."""

    code = "Unsupported"


class InternalError(MsgqError):
    """A bug in msgq; the engine refuses further work and lets its leases lapse."""

    code = "Internal"


class BatchError(MsgqError):
    """Raised by a batch handler to fail some messages: `{index in the list: exception}`."""

    code = "Batch"

    def __init__(self, failed: Mapping[int, BaseException]) -> None:
        self.failed: dict[int, BaseException] = dict(failed)
        super().__init__(self.failed)

    def __str__(self) -> str:
        shown = ", ".join(f"{index}: {type(e).__name__}" for index, e in self.failed.items())
        return f"{len(self.failed)} of the batch failed ({shown[:500]})"


CORE_CLASSES: tuple[type[MsgqError], ...] = (
    ConfigError,
    PayloadError,
    QueueFullError,
    WaitTimeoutError,
    ClosedError,
    SchemaError,
    StoreUnavailableError,
    StoreRejectedError,
    StoreFullError,
    StoreInDoubtError,
    LeaseLostError,
    NotFoundError,
    DuplicateError,
    DedupConflictError,
    RolledBackError,
    UnsupportedError,
    InternalError,
)
"""One class for each code of error.h; the core raises them once they are registered with it."""

for _class in (MsgqError, StoreError, BatchError, HeldError, UnroutableError, *CORE_CLASSES):
    _class.__module__ = "msgq"
