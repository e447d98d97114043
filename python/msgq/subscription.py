"""Subscription: a named reader of a queue, with its own position, retries and dead letters.

Any thread; the async twins from any event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgq.errors import ConfigError
from msgq.queue import Queue
from msgq.queue_settings import Changes
from msgq.subscription_start import Start, parse_start

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from msgq.client import Client


class Subscription(Queue):
    """Gets every message of a queue, whoever else does. Get it from `queue.subscribe(name)`.

    It is claimed from, looked at, paused, purged and deleted like a queue, by the name
    `queue@name`; only nobody can send to it (StoreRejectedError).
    """

    def __init__(self, client: Client, queue: str, name: str) -> None:
        if not isinstance(name, str) or not name or "@" in name:
            raise ConfigError(f"a subscription's name is text without '@', not {name!r:.60}")
        super().__init__(client, f"{queue}@{name}")
        self.queue = queue
        self.subscription_name = name

    def __repr__(self) -> str:
        return f"Subscription({self.name!r} of {self._client})"

    def lag(self) -> int:
        """Gives how many messages it still has before it, exactly: waiting, parked and leased."""
        return self.depth().depth

    def alter(self, **changes: Unpack[Changes]) -> None:
        """Changes what is set of the subscription: max_length with overflow="drop_oldest".

        Once more messages are before it, its oldest that wait are dropped, within some seconds, and
        counted as purged. Nobody who sends waits for a subscription. Raises as Queue.alter.
        """
        overflow = changes.get("overflow", self.settings().overflow)
        if set(changes) - {"max_length", "overflow"} or overflow != "drop_oldest":
            raise ConfigError(
                f"of subscription {self.name!r} max_length= can be set, with "
                f"overflow='drop_oldest', not {changes!r:.100}"
            )
        super().alter(**changes)

    def seek(self, to: Start) -> int:
        """Goes on at another place, as start= of subscribe says; gives how many wait then.

        What it has in hand, parked or waiting is dropped, as everything from the place on comes
        again; dead letters stay. Works while handlers run. Raises ConfigError, NotFoundError for an
        unknown subscription, or a place that is not kept any more.
        """
        return self._client._opened().seek(self.name, *parse_start(to))
