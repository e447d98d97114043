"""How a command ends: one table of exit statuses, which error gives which, and what to do then.

docs/generate.py prints this table into docs/cli.md, so there is no second list to forget.
"""

from enum import IntEnum
from typing import Final, NamedTuple


class Exit(IntEnum):
    """The exit status of a command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNAVAILABLE = 4
    REFUSED = 5
    FULL = 6
    IN_DOUBT = 7
    UNSUPPORTED = 8
    CLOSED = 9
    INTERNAL = 70
    INTERRUPTED = 130


MEANINGS: Final[dict[Exit, str]] = {
    Exit.OK: "Done.",
    Exit.FAILED: "The command ran and the answer is no: a check failed, a bound of --fail-if was "
    "broken, a worker left work behind, a question was answered with no.",
    Exit.USAGE: "Wrong options, arguments or settings. Nothing was done.",
    Exit.NOT_FOUND: "No such queue, message or file.",
    Exit.UNAVAILABLE: "The store cannot be reached or is busy. Nothing was written; try again.",
    Exit.REFUSED: "The store said no, or is not a store of this msgq. Trying again does not help.",
    Exit.FULL: "No room: the store's device or a bound of the queue is full. Try later.",
    Exit.IN_DOUBT: "Perhaps written; it could not be found out in time. Look, then decide.",
    Exit.UNSUPPORTED: "This transport cannot do it.",
    Exit.CLOSED: "Closed meanwhile, or the lease was lost.",
    Exit.INTERNAL: "A bug in msgq. Please report it with the text.",
    Exit.INTERRUPTED: "Ended by Ctrl-C.",
}


class Ending(NamedTuple):
    """What an error class means for a command."""

    exit: Exit
    next_step: str


# By the name of the error's class or of one of its bases, nearest first.
ENDINGS: Final[dict[str, Ending]] = {
    "ConfigError": Ending(Exit.USAGE, "correct it; --help and `msgq config` say what there is"),
    "PayloadError": Ending(Exit.USAGE, "correct what the text names and send that again"),
    "NotFoundError": Ending(
        Exit.NOT_FOUND, "`msgq config` says which store, `msgq queues` what is in it"
    ),
    "QueueFullError": Ending(Exit.FULL, "nothing was enqueued; start workers or try later"),
    "DuplicateError": Ending(Exit.REFUSED, "nothing was enqueued; the text names the earlier one"),
    "DedupConflictError": Ending(
        Exit.REFUSED, "nothing was enqueued; another --dedup, or --on-duplicate skip"
    ),
    "StoreFullError": Ending(Exit.FULL, "nothing was written; free space on the store's device"),
    "WaitTimeoutError": Ending(Exit.UNAVAILABLE, "the wait ended, the work did not; look again"),
    "StoreUnavailableError": Ending(Exit.UNAVAILABLE, "nothing was written; try again"),
    "StoreRejectedError": Ending(Exit.REFUSED, "`msgq check` says what is wrong with the store"),
    "SchemaError": Ending(
        Exit.REFUSED,
        "`msgq db status` says more of a database; of a file, point --url at another one",
    ),
    "StoreInDoubtError": Ending(Exit.IN_DOUBT, "look with `msgq messages` before sending again"),
    "UnsupportedError": Ending(
        Exit.UNSUPPORTED, "use a transport that can, such as sqlite:///FILE"
    ),
    "RolledBackError": Ending(Exit.REFUSED, "nothing was enqueued; the text says what failed"),
    "HeldError": Ending(Exit.USAGE, "wait for it after the handler, or send it with held=False"),
    "LeaseLostError": Ending(Exit.CLOSED, "drop the result; somebody else may be running it"),
    "ClosedError": Ending(Exit.CLOSED, "run the command again"),
    "InternalError": Ending(Exit.INTERNAL, "please report this text"),
}

_UNKNOWN: Final = Ending(Exit.FAILED, "`msgq check` looks at the store")


def ending_of(error: BaseException) -> Ending:
    """The exit status and the next step for `error`, by its class or the nearest known base."""
    for base in type(error).__mro__:
        if base.__name__ in ENDINGS:
            return ENDINGS[base.__name__]
    return _UNKNOWN
