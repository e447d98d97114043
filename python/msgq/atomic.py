"""Transaction: sends to several queues and settles of deliveries as one act, all or nothing.

Belongs to the thread or task that entered it. What it does to the store is one exchange, at the end
of its block.
"""

from __future__ import annotations

from contextvars import Token
from typing import TYPE_CHECKING, Any

from msgq._held import SCOPE, Scope, commit_soon, drop, room_of
from msgq.errors import ConfigError, LeaseLostError, MsgqError, StoreInDoubtError, UnsupportedError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from msgq._core import Decision, Kept, Lot, Receipt
    from msgq.client import Client
    from msgq.message import Delivery

_ACK, _REJECT = 0, 3


class Transaction:
    """From `client.transaction()`; enter it with `with` or `async with`, once.

    Inside, every enqueue of the client to this store is held, and so is what deliveries are settled
    with: ack(), reject(), and for messages without a key retry() and snooze(). At the block's end
    all of it happens, or nothing: then the block's end raises what one of them would have raised.
    When the block raises, nothing happens.
    """

    def __init__(self, client: Client) -> None:
        # fixed after construction
        self.client = client
        self.engine: Any = client._opened()
        # only the thread or task that entered it
        self.is_open = False
        self._token: Token[Scope | None] | None = None
        self._kept: list[Kept] = []
        self._parts: dict[Lot, list[Decision]] = {}
        self._deliveries: list[Delivery] = []

    def __repr__(self) -> str:
        said = f"{len(self._kept)} sends, {len(self._deliveries)} settles"
        return f"Transaction({said}; {'open' if self.is_open else 'over'})"

    # --- what is in it ---

    def keeps(self, engine: Any, wish: bool | None) -> bool:
        """Says whether a message for this engine is part of it."""
        if wish is False or not self.is_open:
            return False
        if engine is not self.engine:
            raise ConfigError(
                "this message goes to another store than that of its transaction: send it after "
                "the block, or with held=False, at once"
            )
        return True

    def add(self, kept: list[Kept]) -> None:
        """Keeps messages until the end."""
        self._kept += kept

    def settle(self, delivery: Delivery, decision: Decision) -> None:
        """Keeps the settling of a delivery until the end."""
        if delivery._engine is not self.engine:
            raise ConfigError("this delivery is of another store than the transaction")
        if delivery.key is not None and decision[1] not in {_ACK, _REJECT}:
            raise UnsupportedError(
                "retry() and snooze() of a message with a key are not possible in a transaction: "
                "what follows of its key is moved with it"
            )
        self._parts.setdefault(delivery._lot, []).append(decision)
        self._deliveries.append(delivery)

    # --- its end ---

    def __enter__(self) -> Self:
        if SCOPE.get() is not None and isinstance(SCOPE.get(), Transaction):
            raise ConfigError("a transaction is open here already: they do not nest")
        if self._token is not None:
            raise ConfigError("a transaction is entered once; make another one")
        self.is_open = True
        self._token = SCOPE.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._leave(error):
            return
        room = room_of(self.client.config)
        try:
            receipt: Receipt = self.engine.commit(self._given(), self._kept, room, False)
        except MsgqError as failed:
            self._undo(str(failed))
            raise
        receipt.wait(None)
        self._finish(receipt)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._leave(error):
            return
        room = room_of(self.client.config)
        try:
            receipt = await commit_soon(
                self.engine, self._given(), self._kept, room, is_patient=False
            )
        except MsgqError as failed:
            self._undo(str(failed))
            raise
        if not receipt.status:
            from msgq._notice import settled

            await settled(receipt)
        self._finish(receipt)

    def _leave(self, error: BaseException | None) -> bool:
        """Ends the block; says whether there is something to do."""
        assert self._token is not None
        SCOPE.reset(self._token)
        self.is_open = False
        if error is not None:
            self._undo("its transaction was rolled back; nothing was enqueued")
        return error is None and bool(self._kept or self._parts)

    def _given(self) -> list[tuple[Lot, list[Decision]]]:
        return list(self._parts.items())

    def _undo(self, why: str) -> None:
        drop(self._kept, why)
        for each in self._deliveries:
            each._is_settled = False

    def _finish(self, receipt: Receipt) -> None:
        error = receipt.error()
        if error is None:
            return
        if not isinstance(error, StoreInDoubtError):
            self._undo(str(error))
        if isinstance(error, LeaseLostError):
            lost = [each for each in self._deliveries if each.is_lost] or self._deliveries
            named = ", ".join(f"{each.id} of {each.queue!r}" for each in lost[:5])
            raise LeaseLostError(f"message {named}: {error}; nothing was enqueued")
        raise error
