"""Messages acknowledged in transactions of the user's own: naming them there, and who wins after.

Thread: that of the connection, or the handler's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from msgq._conn import IS_STORE, Call, arun, run
from msgq._decide import ACK, LEAVE, Judge
from msgq._held import let_go, raise_failure
from msgq._lifecycle import logger
from msgq._notice import settled
from msgq._transaction import abegin, begin
from msgq.errors import LeaseLostError, MsgqError, UnsupportedError, WaitTimeoutError
from msgq.outcome import Retry

if TYPE_CHECKING:
    from msgq._core import Decision, Engine, Lot
    from msgq.client import Client

DONE: Final = 1
BARRED: Final = 2
OPEN: Final = 3
UNKNOWN: Final = 4  # the store did not say
NOT_COMMITTED: Final = (
    "its handler returned, but the transaction that acknowledges it did not commit"
)
_SQL: Final = (
    "select {schema}.ack({subscriptions}::int[], {lanes}::int[], {gens}::bigint[], "
    f"{{owners}}::bigint[], {{indexes}}::int[]) where {IS_STORE}"
)
_NAMES: Final = ("subscriptions", "lanes", "gens", "owners", "indexes")


class Acks:
    """The way of one engine's messages into users' transactions."""

    def __init__(self, engine: Engine, client: Client) -> None:
        # fixed after construction
        self._engine = engine
        self._transport = client.transport
        self._schema = client.config["schema"]
        self._store_name = client._store_name
        # written by handlers whose commit returned, until their lot is decided
        self._committed: dict[Lot, set[int]] = {}

    def ack(self, conn: Any, lot: Lot, indexes: Sequence[int]) -> None:
        """Acknowledges messages in the transaction that is open on the connection.

        What the handler has sent is stored before: were it held for the commit, a crash behind that
        would lose it.

        Raises LeaseLostError, UnsupportedError, ConfigError and what msgq._conn.run raises.
        """
        call = self._call(lot, indexes)
        sent = let_go(self._engine, lot)
        if sent is not None:
            sent.wait(None)
            raise_failure(sent)
        run(conn, call)

    async def aack(self, conn: Any, lot: Lot, indexes: Sequence[int]) -> None:
        """Twin of ack, for asynchronous connections."""
        call = self._call(lot, indexes)
        sent = let_go(self._engine, lot)
        if sent is not None:
            await settled(sent)
            raise_failure(sent)
        await arun(conn, call)

    @contextmanager
    def transaction(self, conn: Any, lot: Lot, indexes: Sequence[int]) -> Iterator[Any]:
        """Opens a transaction, acknowledges at the end of the block and commits.

        From the block's begin on the transaction decides: one that is rolled back is no ack,
        whatever the handler returns.
        """
        self._require()
        is_acked = False
        with begin(conn):
            self._begin(lot, indexes)
            yield conn
            self.ack(conn, lot, indexes)
            is_acked = True
        if is_acked:  # some drivers know an exception that rolls back and goes no further
            self._committed.setdefault(lot, set()).update(indexes)

    @asynccontextmanager
    async def atransaction(self, conn: Any, lot: Lot, indexes: Sequence[int]) -> AsyncIterator[Any]:
        """Twin of transaction."""
        self._require()
        is_acked = False
        async with abegin(conn):
            self._begin(lot, indexes)
            yield conn
            await self.aack(conn, lot, indexes)
            is_acked = True
        if is_acked:
            self._committed.setdefault(lot, set()).update(indexes)

    def _begin(self, lot: Lot, indexes: Sequence[int]) -> list[Any]:
        return [self._engine.begin_ack(lot, index) for index in indexes]

    def _require(self) -> None:
        if self._transport != "postgresql":
            raise UnsupportedError(f"conn= is not built into the {self._transport} transport")

    def _call(self, lot: Lot, indexes: Sequence[int]) -> Call:
        self._require()
        columns = [list(each) for each in zip(*self._begin(lot, indexes), strict=True)]
        values = dict(zip(_NAMES, columns, strict=True))
        return Call(self._schema, _SQL, {**values, "store": self._store_name})

    def end(self, lot: Lot, index: int) -> None:
        """Lets a raw delivery be settled otherwise from now on, if no transaction has done it.

        Raises LeaseLostError when one was committed, WaitTimeoutError while one is open.
        """
        if not lot.end_acks(index, index + 1):
            return
        try:
            (fate,) = self._engine.bar(lot, [index])
        except BaseException:
            lot.reopen_acks(index)
            raise
        if fate == DONE:
            raise LeaseLostError("the message was acknowledged in a transaction that was committed")
        if fate == OPEN:
            lot.reopen_acks(index)
            raise WaitTimeoutError(
                "a transaction that is still open acknowledges this message: end it first"
            )

    def forget(self, lot: Lot) -> None:
        """Drops what is known of a lot: nobody will decide it."""
        self._committed.pop(lot, None)

    def fates(self, lot: Lot, indexes: Sequence[int]) -> list[int]:
        """Says what became of each: DONE, BARRED (ours to decide), OPEN, UNKNOWN.

        Blocks a second or so.

        Asks only for those whose commit was not seen to return.
        """
        known = self._committed.get(lot, set())
        asked = [index for index in indexes if index not in known]
        known.difference_update(indexes)
        if not known:
            self.forget(lot)
        found = dict.fromkeys(indexes, DONE)
        try:
            if asked:
                found.update(zip(asked, self._engine.bar(lot, asked), strict=True))
        except MsgqError as error:
            logger().warning("whether a transaction was committed cannot be found out: %s", error)
            found.update(dict.fromkeys(asked, UNKNOWN))
        return [found[index] for index in indexes]

    def decided(
        self, judge: Judge, lot: Lot, span: range, decisions: list[Decision], *, retries: bool
    ) -> list[Decision]:
        """Lets the transactions that acknowledge messages of the span have their say.

        A committed one wins over what the handler did after it. Without one the handler's outcome
        counts, but it cannot be an ack: that is tried again (not with `retries` off: then it goes
        back). While one is open nobody decides, and the lease lapses.
        """
        used = lot.end_acks(span.start, span.stop)
        if not used:
            return decisions
        said = {each[0]: each for each in decisions}
        for index, fate in zip(used, self.fates(lot, used), strict=True):
            before = said.pop(index, None)
            if fate == DONE:
                if before is not None and before[1] != ACK:
                    logger().warning("a handler failed after the commit that ended its message")
                said[index] = (index, ACK, 0, "", b"")
            elif fate in {OPEN, UNKNOWN}:
                if fate == OPEN:
                    logger().warning("a handler left its transaction open; its lease will lapse")
                said[index] = (index, LEAVE, 0, "", b"")
            elif before is not None and before[1] != ACK:
                said[index] = before
            elif retries:
                said[index] = judge.on_outcome(lot, index, Retry(reason=NOT_COMMITTED))
        return list(said.values())
