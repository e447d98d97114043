"""Context: what a handler may ask about the message it runs, and how it ends it in its own way.

A read-only value, any thread.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from msgq.errors import UnsupportedError
from msgq.message import Handed, require_acks

if TYPE_CHECKING:
    from msgq._ack import Acks
    from msgq._core import Lot


class Context(Handed):
    """What a handler may ask about the message it runs: annotate a parameter with msgq.Context.

    The lease is renewed while the handler runs; `fence` grows with every claim of the message, for
    outside stores that refuse older numbers. In a batch handler it tells of the first message, and
    acknowledges all that the handler was given.
    """

    __slots__ = ("_acks", "_indexes")

    def __init__(
        self,
        lot: Lot,
        index: int,
        acks: Acks | None = None,
        indexes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(lot, index)
        self._acks = acks
        self._indexes = (index,) if indexes is None else indexes

    def __repr__(self) -> str:
        return f"Context({self.id}, queue={self.queue!r}, attempt={self.attempt})"

    def ack(self, conn: Any) -> None:
        """Acknowledges in the transaction that is open on `conn`; done once, and if, it commits.

        Commit before the handler returns: what it does after the commit no longer counts, and
        without one the message is tried again, whatever the handler returned. PostgreSQL only.
        Raises LeaseLostError: roll back, as somebody else may run it; UnsupportedError,
        ConfigError, StoreError as enqueue(conn=...) does. Thread: the connection's.
        """
        require_acks(self._acks).ack(conn, self._lot, self._indexes)

    async def aack(self, conn: Any) -> None:
        """Twin of ack, for asynchronous connections."""
        await require_acks(self._acks).aack(conn, self._lot, self._indexes)

    def once(self, conn: Any) -> bool:
        """Notes in the transaction open on `conn` that this handler handles the message.

        True the first time, False when a transaction that did so was committed: skip the work.
        Works whatever store the message is of; needs the table of msgq.inbox. PostgreSQL and
        SQLite. Raises UnsupportedError in a batch handler, else as msgq.inbox.note.
        """
        from msgq.inbox import note

        return note(conn, *self._seen())

    async def aonce(self, conn: Any) -> bool:
        """Twin of once, for asynchronous connections."""
        from msgq.inbox import anote

        return await anote(conn, *self._seen())

    def _seen(self) -> tuple[str, str]:
        if len(self._indexes) > 1:
            raise UnsupportedError("once() tells of one message, and a batch handler has several")
        is_copy = "@" in self.queue  # a subscription's, of one message that others are given too
        return str(self.id), self.queue if is_copy else self.handler or self.queue

    @contextmanager
    def transaction(self, conn: Any) -> Iterator[Any]:
        """Opens a transaction on `conn` for the block, and commits it with the message's ack.

        The block's rows and the ack are there together, or neither is: when it raises, and when the
        lease was lost (LeaseLostError), all is rolled back. Gives `conn`. Raises ConfigError when a
        transaction is open already; else errors as ack.
        """
        with require_acks(self._acks).transaction(conn, self._lot, self._indexes):
            yield conn

    @asynccontextmanager
    async def atransaction(self, conn: Any) -> AsyncIterator[Any]:
        """Twin of transaction, for asynchronous connections."""
        async with require_acks(self._acks).atransaction(conn, self._lot, self._indexes):
            yield conn
