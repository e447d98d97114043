"""Where messages go that no rule fits: made dead letters at once, so that somebody looks at them.

Any thread; the async calls from any event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from msgq._held import outside
from msgq._send import Options, Sender
from msgq.errors import NotFoundError, UnsupportedError
from msgq.queue import Queue
from msgq.receipt import Receipt

if TYPE_CHECKING:
    from msgq.client import Client

QUEUE: Final = "unroutable"
"""The queue whose dead letters they are."""
REASON: Final = "no rule says where messages of its type go"
_TURNS: Final = 40
_WAIT_SECONDS: Final = 0.05


class Burying(Sender):
    """Enqueues and rejects, at once also in a handler or transaction.

    A message between the two waits, and goes with the next one's.
    """

    def __init__(self, client: Client, kind: str, content: int) -> None:
        super().__init__(client, QUEUE, kind, content)
        self._queue = Queue(client, QUEUE)

    def kind_for(self, conn: Any) -> str:
        """Gives the kind of its transport. Raises UnsupportedError for conn=."""
        if conn is not None:
            raise UnsupportedError(
                "conn= and unroutable=dead do not go together: what is not committed yet cannot be "
                "made a dead letter"
            )
        return super().kind_for(conn)

    def put(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Enqueues one message and waits until it is a dead letter."""
        with outside():
            return self._bury(super().put(body, content, options, key, dedup))

    def put_later(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """As put: what nobody waits for would not be seen to die."""
        return self.put(body, content, options, key, dedup)

    async def aput(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Twin of put."""
        with outside():
            receipt = await super().aput(body, content, options, key, dedup)
            return await asyncio.to_thread(self._bury, receipt)

    def _bury(self, receipt: Receipt) -> Receipt:
        """Rejects all that waits there, until this one is dead: nothing else ever waits there."""
        for _ in range(_TURNS):
            found = self._queue.claim(100, wait=_WAIT_SECONDS)
            for each in found:
                each.reject(REASON)
            if any(each.id == receipt.id for each in found) or self._is_gone(receipt):
                break
        return receipt

    def _is_gone(self, receipt: Receipt) -> bool:
        """Whether another process was quicker."""
        try:
            return self._queue.find(receipt.id).state in ("dead", "leased")
        except NotFoundError:
            return False
