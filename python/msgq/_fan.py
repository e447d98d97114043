"""One body to several queues: encoded once, one enqueue call for each queue, one receipt for all.

What goes to several queues of one store is stored as one. On several stores it is not: when one
call fails, the others may have been done. Any thread; the async calls from any event loop.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from typing import Any, TypeVar

from msgq import codec
from msgq._held import SCOPE, Group, commit_soon, room_of, scope_for
from msgq._hops import stamps
from msgq._send import Options, Sender
from msgq.errors import ConfigError, MsgqError
from msgq.receipt import WORST_FIRST, BatchReceipt, Pending, Receipt, Status

T = TypeVar("T")


class FanReceipt(Receipt, gc=True, eq=False):
    """Of one message to several queues: one copy for each, in the order of the targets.

    `id` is the first copy's, `status` the worst, waiting waits for all.
    """

    _copies: tuple[Receipt, ...] = ()

    def __repr__(self) -> str:
        return f"FanReceipt({len(self._copies)} copies, {self.status})"

    def _parcels(self) -> Sequence[Pending]:
        return [parcel for each in self._copies for parcel in each._parcels()]

    @property
    def copies(self) -> tuple[Receipt, ...]:
        """The receipt of each queue's copy."""
        return self._copies

    @property
    def id(self) -> uuid.UUID:
        """The first copy's id."""
        return self._copies[0].id

    @property
    def status(self) -> Status:
        """The status all share; else the worst."""
        found = {each.status for each in self._copies}
        return next(each for each in WORST_FIRST if each in found)


def fanned(copies: Sequence[Receipt]) -> Receipt:
    """Gives one receipt for the copies of a message."""
    return FanReceipt(_copies=tuple(copies))


class RuledSender(Sender):
    """Enqueues bodies of one type where rules say, with the headers that such messages get."""

    is_fan = False

    def __init__(self, first: Sender) -> None:
        super().__init__(first.client, first.queue, first.kind, first.content)

    # What calls say besides (key, ...) goes to the queue as it came.

    def put(
        self, body: bytes, content: int, options: Options | None, *args: Any, **kwargs: Any
    ) -> Receipt:
        """As Sender.put."""
        return super().put(body, content, self._stamped(options), *args, **kwargs)

    def put_later(
        self, body: bytes, content: int, options: Options | None, *args: Any, **kwargs: Any
    ) -> Receipt:
        """As Sender.put_later."""
        if options is not None and options.conn is not None:
            return self.put(body, content, options, *args, **kwargs)
        return super().put_later(body, content, self._stamped(options), *args, **kwargs)

    def put_many(
        self,
        bodies: Sequence[bytes],
        content: int,
        options: Options | None,
        each: Sequence[bytes | None] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> BatchReceipt:
        """As Sender.put_many."""
        each = self._stamped_each(len(bodies), options, each)
        return super().put_many(bodies, content, options, each, *args, **kwargs)

    async def aput(
        self, body: bytes, content: int, options: Options | None, *args: Any, **kwargs: Any
    ) -> Receipt:
        """As Sender.aput."""
        return await super().aput(body, content, self._stamped(options), *args, **kwargs)

    async def aput_many(
        self,
        bodies: Sequence[bytes],
        content: int,
        options: Options | None,
        each: Sequence[bytes | None] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> BatchReceipt:
        """As Sender.aput_many."""
        each = self._stamped_each(len(bodies), options, each)
        return await super().aput_many(bodies, content, options, each, *args, **kwargs)

    def _stamped(self, options: Options | None) -> Options | None:
        (own,) = stamps(self.client.config["hops_max"], 1, is_fan=self.is_fan)
        return (options or Options("")).plus(own) if own else options

    def _stamped_each(
        self, count: int, options: Options | None, each: Sequence[bytes | None] | None
    ) -> Sequence[bytes | None] | None:
        """Gives the headers of each of many: their correlations differ."""
        own = stamps(self.client.config["hops_max"], count, is_fan=self.is_fan)
        if not any(own):
            return each
        given = [options.headers if options else None] * count if each is None else each
        return list(map(codec.add_headers, given, own))


class FanSender(RuledSender):
    """Enqueues bodies of one type into several queues, on one transport or on several."""

    is_fan = True

    def __init__(self, senders: Sequence[Sender]) -> None:
        super().__init__(senders[0])
        self.senders = senders

    def kind_for(self, conn: Any) -> str:
        """Gives the kind of transport of all. Raises ConfigError for conn= over several."""
        names = {each.client.transport_name for each in self.senders}
        kinds = [each.client.transport for each in self.senders]
        kind = next((each for each in kinds if each != "postgresql"), kinds[0])
        if conn is not None and kind == "postgresql" and len(names) > 1:
            raise ConfigError(
                f"conn= leads to one database, and the rules send to transports "
                f"{', '.join(sorted(names))}: leave it out, or name one with transport="
            )
        return kind

    def put(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Enqueues a copy into each queue and waits until all are settled."""
        sent = self.put_later(body, content, options, key, dedup)
        return sent if sent.is_held else sent.wait()

    def put_later(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Enqueues a copy into each queue, the others without waiting for the first."""
        options = self._stamped(options)
        return self._each(
            lambda sender: sender.put_later(body, content, options, key, dedup),
            fanned,
            options,
        )

    def put_many(
        self,
        bodies: Sequence[bytes],
        content: int,
        options: Options | None,
        each: Sequence[bytes | None] | None = None,
        *,
        keys: Sequence[str] | None = None,
        dedups: Sequence[str] | None = None,
    ) -> BatchReceipt:
        """Enqueues copies of many messages; the receipt tells of them queue by queue."""
        each = self._stamped_each(len(bodies), options, each)
        return self._each(
            lambda sender: sender.put_many(
                bodies, content, options, each, keys=keys, dedups=dedups
            ),
            BatchReceipt.joined,
            options,
        )

    @property
    def _is_one_store(self) -> bool:
        first, *rest = self.senders
        return first.client.transport != "sync" and all(
            each.client.transport_name == first.client.transport_name for each in rest
        )

    def _each(
        self, call: Callable[[Sender], T], join: Callable[[Sequence[T]], T],
        options: Options | None,
    ) -> T:  # fmt: skip
        """Calls for each queue in order, all or nothing where they are of one store.

        Of several what was done before an error is told with it.
        """
        is_plain = options is None or options.conn is None
        if is_plain and self._is_one_store and not self._is_kept_elsewhere(options):
            return self._as_one(call, join)
        done: list[T] = []
        try:
            for sender in self.senders:
                done += [call(sender)]
        except MsgqError as error:
            raise self._told(error, len(done), join(done), len(done)) from error
        return join(done)

    def _kept_copies(
        self, call: Callable[[Sender], T], join: Callable[[Sequence[T]], T]
    ) -> tuple[T, Group]:
        group = Group(self.engine)
        token = SCOPE.set(group)
        try:
            return join([call(sender) for sender in self.senders]), group
        finally:
            SCOPE.reset(token)

    def _as_one(self, call: Callable[[Sender], T], join: Callable[[Sequence[T]], T]) -> T:
        """Sends all copies in one exchange."""
        made, group = self._kept_copies(call, join)
        if group.kept:
            self.engine.commit((), group.kept, room_of(self.client.config), False)
        return made

    async def _aas_one(self, call: Callable[[Sender], T], join: Callable[[Sequence[T]], T]) -> T:
        """Twin of _as_one."""
        made, group = self._kept_copies(call, join)
        if group.kept:
            room = room_of(self.client.config)
            await commit_soon(self.engine, (), group.kept, room, is_patient=False)
        return made

    def _is_kept_elsewhere(self, options: Options | None) -> bool:
        return scope_for(self.engine, None if options is None else options.held) is not None

    async def aput(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Twin of put."""
        if self._is_kept_elsewhere(options):
            return self.put_later(body, content, options, key, dedup)
        options = self._stamped(options)
        if self._is_one_store and (options is None or options.conn is None):
            sent = await self._aas_one(
                lambda sender: sender.put_later(body, content, options, key, dedup), fanned
            )
            return await sent
        found = await self._gathered(
            lambda sender: sender.aput(body, content, options, key, dedup), options
        )
        copies = [each for each in found if isinstance(each, Receipt)]
        self._raise_first(found, fanned(copies), len(copies))
        return fanned(copies)

    async def aput_many(
        self,
        bodies: Sequence[bytes],
        content: int,
        options: Options | None,
        each: Sequence[bytes | None] | None = None,
        *,
        keys: Sequence[str] | None = None,
        dedups: Sequence[str] | None = None,
    ) -> BatchReceipt:
        """Twin of put_many."""
        if self._is_kept_elsewhere(options):
            return self.put_many(bodies, content, options, each, keys=keys, dedups=dedups)
        each = self._stamped_each(len(bodies), options, each)
        if self._is_one_store and (options is None or options.conn is None):
            sent = await self._aas_one(
                lambda sender: sender.put_many(
                    bodies, content, options, each, keys=keys, dedups=dedups
                ),
                BatchReceipt.joined,
            )
            return await sent
        found = await self._gathered(
            lambda sender: sender.aput_many(
                bodies, content, options, each, keys=keys, dedups=dedups
            ),
            options,
        )
        batches = [each for each in found if isinstance(each, BatchReceipt)]
        self._raise_first(found, BatchReceipt.joined(batches), len(batches))
        return BatchReceipt.joined(batches)

    async def _gathered(
        self, call: Callable[[Sender], Awaitable[Any]], options: Options | None
    ) -> list[Any]:
        """Awaits all of them; a connection of the caller's runs one statement at a time."""
        if options is not None and options.conn is not None:
            return [await call(sender) for sender in self.senders]
        return await asyncio.gather(*map(call, self.senders), return_exceptions=True)

    def _raise_first(self, found: Sequence[Any], receipt: Any, count: int) -> None:
        for place, each in enumerate(found):
            if isinstance(each, MsgqError):
                raise self._told(each, place, receipt, count) from each
            if isinstance(each, BaseException):
                raise each

    def _told(self, error: MsgqError, place: int, receipt: Any, count: int) -> MsgqError:
        """Gives the error, saying which queue it was and what became of the other copies.

        A new one: messages that were sent together may have failed by the same.
        """
        sender, made = self.senders[place], copy(error)
        where = f"queue {sender.queue!r} (transport {sender.client.transport_name!r})"
        others = len(self.senders) - 1
        made.args = (f"{error}; of {where}; {count} of {others} other copies were enqueued",)
        if count:
            made.receipt = receipt
        return made
