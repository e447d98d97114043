"""What messages sent by rules take along from the message being handled: how often rules sent it
on, so that a circle of handlers ends, and what it belongs to.

Any thread, any event loop: each has its own HANDLING. Threads that a handler starts have none.
"""

from __future__ import annotations

import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from msgq import codec
from msgq.errors import UnroutableError

if TYPE_CHECKING:
    from msgq._core import DeliveryFields

HOPS: Final = "msgq-hops"
"""How many messages are before this one that rules sent, each from the handler of the last."""
CORRELATION: Final = "msgq-correlation"
"""The same in all copies of a message and in what rules send on from their handlers."""
_NOTHING: Final = (0, "")


class HasFields(Protocol):
    """What is being handled: the core's lot, or the one message of sync://."""

    def fields(self, index: int, /) -> DeliveryFields: ...


class HasPlace(Protocol):
    """What knows how many messages of a lot are begun or done: a slot."""

    def place(self) -> int: ...


Handling: TypeAlias = tuple[HasFields, int | HasPlace, int]
"""What a thread or task is at: a lot, from which place of it on, and of how many messages.

A plain tuple: it is made for every lot.
"""
HANDLING: Final[ContextVar[Handling | None]] = ContextVar("msgq_handling", default=None)


def _carried(now: Handling) -> tuple[int, str]:
    """Gives the most hops of these messages, and the correlation of the first that has one."""
    lot, place, count = now
    begun = place if isinstance(place, int) else max(0, place.place() - 1)
    found = [_read(lot.fields(index)[3]) for index in range(begun, begun + count)]
    return max(hops for hops, _ in found), next((each for _, each in found if each), "")


def _read(headers: bytes) -> tuple[int, str]:
    if not headers or b'"msgq-' not in headers:
        return _NOTHING
    found = codec.decode_headers(headers)
    hops, correlation = found.get(HOPS), found.get(CORRELATION)
    return (
        hops if isinstance(hops, int) else 0,
        correlation if isinstance(correlation, str) else "",
    )


def stamps(hops_max: int, count: int, *, is_fan: bool) -> list[dict[str, object]]:
    """Gives the headers that so many messages sent by rules get; `is_fan`: each has copies.

    Raises UnroutableError when rules have sent it on as often as they may.
    """
    now = HANDLING.get()
    hops, correlation = _NOTHING if now is None else _carried(now)
    if hops_max and hops >= hops_max:
        raise UnroutableError(
            f"rules sent this message on {hops} times, each from the handler of the one before, "
            f"and hops_max is {hops_max}: do handlers send in a circle? Nothing was enqueued"
        )
    own: dict[str, object] = {} if now is None else {HOPS: hops + 1}
    if correlation:
        own[CORRELATION] = correlation
    elif is_fan:
        return [{**own, CORRELATION: uuid.uuid4().hex} for _ in range(count)]
    return [own] * count
