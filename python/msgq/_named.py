"""An engine whose errors name its transport: what clients of several transports call.

A client of one transport has the core's engine itself. Any thread, as the core's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgq.errors import MsgqError

_RECEIPTS: Final = frozenset(
    {"enqueue", "enqueue_many", "try_enqueue", "settle_now", "extend", "commit"}
)


class NamedEngine:
    """The calls of an engine, each error ending in the name of the transport."""

    def __init__(self, engine: Any, transport: str) -> None:
        self._engine = engine
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if not callable(found):
            return found
        call = naming(found, self._transport, _wrap_of(name))
        setattr(self, name, call)  # looked up once
        return call


class NamedReceipt:
    """A core receipt whose error names the transport."""

    def __init__(self, receipt: Any, transport: str) -> None:
        self._receipt = receipt
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._receipt, name)

    def error(self) -> BaseException | None:
        """Gives why it failed, None otherwise."""
        found: BaseException | None = self._receipt.error()
        if isinstance(found, MsgqError):
            name_transport(found, self._transport)
        return found


def name_transport(error: MsgqError, transport: str) -> None:
    """Adds the transport's name to the error's text, once."""
    text, end = str(error), f" (transport {transport!r})"
    if not text.endswith(end):
        error.args = (text + end,)


Wrap = Callable[[Any, str], Any]


def naming(call: Callable[..., Any], transport: str, wrap: Wrap) -> Callable[..., Any]:
    """Gives the call, its errors naming the transport and its answer wrapped."""

    def named(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = call(*args, **kwargs)
        except MsgqError as error:
            name_transport(error, transport)
            raise
        return wrap(answer, transport)

    return named


def _wrap_of(name: str) -> Wrap:
    if name == "putter":
        return lambda put, transport: naming(put, transport, _as_it_is)
    return _receipts if name in _RECEIPTS else _as_it_is


def _as_it_is(answer: Any, _transport: str) -> Any:
    return answer


def _receipts(answer: Any, transport: str) -> Any:
    if isinstance(answer, list):
        return [NamedReceipt(each, transport) for each in answer]
    return None if answer is None else NamedReceipt(answer, transport)
