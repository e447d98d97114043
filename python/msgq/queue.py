"""Queue: a named queue without handlers, to enqueue plain messages into and to claim from.

Any thread; the async twins (with an `a` before their names) from any event loop.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgq import codec
from msgq._engine import validate_queue_name
from msgq._held import SCOPE
from msgq._send import Options, Sender
from msgq.codec import CONTENT_BYTES, CONTENT_JSON
from msgq.dedup import parse_dedup
from msgq.duration import HELD_MS, Duration, When, due_ms, now_ms, parse_duration
from msgq.errors import ConfigError, NotFoundError, PayloadError, WaitTimeoutError
from msgq.keys import parse_each, parse_key
from msgq.message import Delivery, Message, parse_lease
from msgq.queue_settings import Changes, QueueSettings, parse_changes, settings_from
from msgq.receipt import BatchReceipt, Receipt
from msgq.stats import QueueDepth, depth_from
from msgq.subscription_start import Start, parse_start

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from msgq import dead_edit
    from msgq._core import Lot
    from msgq._dead_filter import Criteria
    from msgq.client import Client
    from msgq.dead import DeadLetters
    from msgq.subscription import Subscription

_CLAIM_MAX = 100_000
_DRAIN_SECONDS = 0.02  # between two looks
_BYTES_ONLY = {bytes}


class Queue:
    """A named queue, created on first use. Get it from `client.queue(name)`."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = validate_queue_name(name)
        self._client = client
        self._sender = Sender(client, name, "", CONTENT_BYTES)

    def __repr__(self) -> str:
        return f"Queue({self.name!r} of {self._client})"

    @property
    def transport(self) -> str:
        """The name of the transport that it lives on."""
        return self._client.transport_name

    # --- producers ---

    def enqueue(
        self,
        body: Any,
        *,
        headers: Mapping[str, Any] | None = None,
        delay: When | None = None,
        **unbuilt: Any,
    ) -> Receipt:
        """Enqueues one message; durable when it returns. Bytes go as they are, the rest as JSON.

        delay: a duration from now, or an aware datetime. Further options are priority= (1 to 10, or
        low, normal, high, critical), ttl= (as delay: over that it is not handed out any more), key=
        (messages of a key are handed out one at a time, in order), dedup= with unique= and
        on_duplicate= (as of handlers' using()) and, on PostgreSQL, conn= (a connection of your own,
        to commit with) and held= (as of handlers' using()). Inside a handler or a transaction it
        is held, and durable with that. Raises PayloadError, QueueFullError, ClosedError,
        StoreError; then nothing was enqueued, StoreInDoubtError excepted.
        """
        if headers is None and delay is None and not unbuilt and SCOPE.get() is None:
            if type(body) is bytes:
                return Receipt(self._put(body))
            body, content = encoded(body)
            return Receipt(self._client._opened().enqueue_wait(self.name, "", content, body))
        options = self._options(headers, delay, unbuilt)
        return self._sender.put(*encoded(body), options)

    def _put(self, body: bytes) -> bytes:  # replaced by the engine's own function at first use
        put = self._client._opened().putter(self.name, "", CONTENT_BYTES)
        self._put = put  # type: ignore[method-assign,assignment]
        return put(body)

    def enqueue_later(
        self,
        body: Any,
        *,
        headers: Mapping[str, Any] | None = None,
        delay: When | None = None,
        **unbuilt: Any,
    ) -> Receipt:
        """Enqueues one message without waiting; the receipt tells when it is durable."""
        return self._sender.put_later(*encoded(body), self._options(headers, delay, unbuilt))

    def enqueue_many(
        self,
        bodies: Iterable[Any],
        *,
        headers: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
        delay: When | None = None,
        **unbuilt: Any,
    ) -> BatchReceipt:
        """Enqueues many messages; all durable when it returns. Order is kept.

        `headers` is one mapping for all or one for each, key= and dedup= so too (None: this one has
        none).
        Raises as enqueue; a PayloadError names the item and then nothing was enqueued; with a
        StoreError, `error.receipt` tells of each.
        """
        sent = self.enqueue_many_later(bodies, headers=headers, delay=delay, **unbuilt)
        return sent if sent.is_held else sent.wait()

    def enqueue_many_later(
        self,
        bodies: Iterable[Any],
        *,
        headers: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
        delay: When | None = None,
        **unbuilt: Any,
    ) -> BatchReceipt:
        """Enqueues many messages without waiting; one receipt for all."""
        encoded, content = _encoded_many(bodies)
        options, each, marks = self._many_options(headers, delay, unbuilt, len(encoded))
        return self._sender.put_many(encoded, content, options, each, **marks)

    async def aenqueue(
        self,
        body: Any,
        *,
        headers: Mapping[str, Any] | None = None,
        delay: When | None = None,
        **unbuilt: Any,
    ) -> Receipt:
        """Twin of enqueue; what is awaited in one turn of the loop is written together."""
        return await self._sender.aput(*encoded(body), self._options(headers, delay, unbuilt))

    async def aenqueue_many(
        self,
        bodies: Iterable[Any],
        *,
        headers: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
        delay: When | None = None,
        **unbuilt: Any,
    ) -> BatchReceipt:
        """Twin of enqueue_many."""
        encoded, content = _encoded_many(bodies)
        options, each, marks = self._many_options(headers, delay, unbuilt, len(encoded))
        return await self._sender.aput_many(encoded, content, options, each, **marks)

    def _options(
        self, headers: Mapping[str, Any] | None, delay: When | None, unbuilt: dict[str, Any]
    ) -> Options | None:
        if headers is None and delay is None and not unbuilt:
            return None
        transport = self._sender.kind_for(unbuilt.get("conn")) if unbuilt else ""
        return Options(transport, delay, headers, others=unbuilt)

    def _many_options(
        self, headers: Any, delay: When | None, unbuilt: dict[str, Any], count: int
    ) -> tuple[Options | None, list[bytes | None] | None, dict[str, list[str]]]:
        marks: dict[str, list[str]] = {}
        for name, what, parse in (("key", "key", parse_key), ("dedup", "dedup id", parse_dedup)):
            if isinstance(unbuilt.get(name), (list, tuple)):
                found = marks[name + "s"] = parse_each(parse, unbuilt[name], count, what)
                # any of them stands for all where options are held against each other
                unbuilt = {**unbuilt, name: next(filter(None, found), None)}
        if headers is None or isinstance(headers, Mapping):
            return self._options(headers, delay, unbuilt), None, marks
        each = [codec.encode_headers(one, {}) for one in headers]
        if len(each) != count:
            raise PayloadError(f"{len(each)} headers for {count} bodies")
        return self._options(None, delay, unbuilt), each, marks

    # --- claims ---

    def claim(
        self, count: int = 1, *, wait: Duration = 0.0, lease: Duration | None = None
    ) -> list[Delivery]:
        """Claims up to `count` messages for this process; none within `wait` gives an empty list.

        The lease is `lease` long (the setting's unless given) and nobody renews it; see
        Delivery.extend. Raises ClosedError, NotFoundError (strict_queues), StoreError. Blocks up to
        `wait`.
        """
        seconds, lease_seconds = self._check_claim(count, wait, lease)
        lot = self._client._opened().claim(self.name, count, seconds, lease_seconds)
        return self._deliveries(lot)

    async def aclaim(
        self, count: int = 1, *, wait: Duration = 0.0, lease: Duration | None = None
    ) -> list[Delivery]:
        """Twin of claim; a thread of the loop's executor waits meanwhile."""
        seconds, lease_seconds = self._check_claim(count, wait, lease)
        import asyncio

        claim = self._client._opened().claim
        return self._deliveries(
            await asyncio.to_thread(claim, self.name, count, seconds, lease_seconds)
        )

    def _check_claim(
        self, count: int, wait: Duration, lease: Duration | None
    ) -> tuple[float, float]:
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _CLAIM_MAX:
            raise ConfigError(f"claim takes a count from 1 to {_CLAIM_MAX}, got {count!r}")
        config = self._client.config
        seconds = parse_lease(config["lease"] if lease is None else lease, config["lease_max"])
        return parse_duration(wait, "wait"), seconds

    def _deliveries(self, lot: Lot | None) -> list[Delivery]:
        if lot is None:
            return []
        engine = self._client._opened()
        most = self._client.config["lease_max"]
        acks = self._client._acks()
        return [Delivery(engine, lot, index, most, acks) for index in range(len(lot))]

    # --- looking and administering ---

    def depth(self) -> QueueDepth:
        """What the store holds of this queue, all processes together; zeros for an unknown one."""
        found = self._client._opened().depth()
        mine = next((each for each in found if each["queue"] == self.name), None)
        where = self._client.transport_name
        return depth_from({**(mine or {"queue": self.name, "oldest_ms": 0}), "transport": where})

    def peek(self, limit: int = 50, *, after: str = "") -> list[Message]:
        """Gives up to `limit` messages without claiming them, oldest first, behind a cursor."""
        return [Message(each) for each in self._client._opened().peek(self.name, after, limit)]

    def messages(self, *, page: int = 500) -> Iterator[Message]:
        """Gives every message without claiming, page by page, in bounded memory."""
        after = ""
        while found := self.peek(page, after=after):
            yield from found
            after = found[-1].cursor

    def find(self, message_id: uuid.UUID | str) -> Message:
        """Gives the message of that id without scanning. Raises NotFoundError, ConfigError."""
        key = _as_id(message_id)
        found = self._client._opened().find(self.name, key.bytes)
        if found is None:
            raise NotFoundError(f"no message {key} in queue {self.name!r}")
        return Message(found)

    def dead(self, limit: int = 50, *, after: str = "") -> list[Message]:
        """Gives up to `limit` dead letters, oldest first, behind a cursor."""
        return [Message(each) for each in self._client._opened().dead(self.name, after, limit)]

    def dead_letters(self, **criteria: Unpack[Criteria]) -> DeadLetters:
        """Gives the dead letters that fit: to walk, count, redrive, delete. As of Client."""
        from msgq.dead import DeadLetters, make_filter

        return DeadLetters(self._client, make_filter(self.name, criteria))

    def redrive(self, *ids: uuid.UUID | str) -> int:
        """Sends these dead letters again with fresh counts, or all of them; gives how many."""
        return self._client._opened().redrive(self.name, [_as_id(each).bytes for each in ids])

    def delete_dead(self, *ids: uuid.UUID | str) -> int:
        """Deletes these dead letters, or all of them; gives how many."""
        return self._client._opened().delete_dead(self.name, [_as_id(each).bytes for each in ids])

    def edit_dead(self, message_id: uuid.UUID | str, **changes: Unpack[dead_edit.Changes]) -> None:
        """Changes body=, headers= or both of a dead letter, which stays where it is.

        body: a new `value()`, or bytes of the letter's own content. Raises NotFoundError where
        there is no dead letter of that id, PayloadError for what it cannot hold; then it is as
        before.
        """
        self._edit(message_id, changes, redrives=False)

    def redrive_edited(
        self, message_id: uuid.UUID | str, **changes: Unpack[dead_edit.Changes]
    ) -> None:
        """Changes a dead letter and sends it again, in one commit; its id stays, counts begin anew.

        As edit_dead, else.
        """
        self._edit(message_id, changes, redrives=True)

    def _edit(
        self, message_id: uuid.UUID | str, changes: dead_edit.Changes, *, redrives: bool
    ) -> None:
        from msgq.dead_edit import encoded

        letter, engine = self.find(message_id), self._client._opened()
        new = encoded(letter, changes, self._client.config["message_bytes_max"])
        if not engine.edit_dead(self.name, letter.id.bytes, new, redrives):
            raise NotFoundError(f"message {letter.id} of queue {self.name!r} is not dead")

    def cancel(self, *ids: uuid.UUID | str) -> int:
        """Calls parked messages off: delayed, or waiting to be tried again; gives how many.

        Those that are not parked, or no longer, are passed over: they may be running. Raises
        ConfigError without an id or for what is no id, NotFoundError for an unknown queue.
        """
        return self._client._opened().cancel(self.name, _some_ids(ids))

    def reschedule(self, *ids: uuid.UUID | str, delay: When) -> int:
        """Gives parked messages another due time, as delay= of enqueue says; gives how many.

        Those that are not parked, or no longer, are passed over. Raises as cancel, and ConfigError
        for one whose ttl would be over by then: no message is moved then.
        """
        due = due_ms(delay) or now_ms()
        return self._client._opened().reschedule(self.name, _some_ids(ids), due)

    def hold(self, *ids: uuid.UUID | str) -> int:
        """Keeps parked messages back until release(), whatever their due time; gives how many.

        Those that are not parked, or no longer, are passed over. Of a key, those behind one that is
        held wait for it. Raises as cancel, and ConfigError for one with a ttl, which would end
        meanwhile: none is held then.
        """
        return self._client._opened().reschedule(self.name, _some_ids(ids), HELD_MS)

    def release(self, *ids: uuid.UUID | str) -> int:
        """Lets held messages come due at once; gives how many. Those not held are passed over."""
        engine = self._client._opened()
        found = [(key, engine.find(self.name, key)) for key in _some_ids(ids)]
        held = [key for key, each in found if each is not None and Message(each).is_held]
        return engine.reschedule(self.name, held, now_ms()) if held else 0

    def drain(self, timeout: Duration | None = None) -> None:
        """Waits until nothing of the queue waits, is parked or leased: all of it was handled.

        New messages may still come, and count. Raises WaitTimeoutError after `timeout`. Blocks.
        """
        seconds = None if timeout is None else parse_duration(timeout, "timeout")
        deadline = None if seconds is None else time.monotonic() + seconds
        while left := self._left():
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeoutError(f"queue {self.name!r} still has {left} messages to handle")
            time.sleep(_DRAIN_SECONDS)

    async def adrain(self, timeout: Duration | None = None) -> None:
        """Twin of drain; a thread of the loop's executor waits meanwhile."""
        import asyncio

        await asyncio.to_thread(self.drain, timeout)

    def _left(self) -> int:
        """Gives how many messages are still to be handled; never of a replica."""
        raw: Any = self._client._opened().stats(True, True)["depth"]
        return sum(
            each["waiting"] + each["parked"] + each["leased"]
            for each in raw
            if each["queue"] == self.name
        )

    def pause(self) -> None:
        """Takes messages in from now on but gives none out, in any process, to nobody.

        What is in hand finishes; retries and delayed messages come due and wait. It lasts until
        resume(), through restarts. Pausing twice is fine. Raises NotFoundError for an unknown
        queue.
        """
        self._client._opened().alter(self.name, {"is_paused": True})

    def resume(self) -> None:
        """Gives messages out again, in every process within 1 s. Raises as pause."""
        self._client._opened().alter(self.name, {"is_paused": False})

    def create(self, **changes: Unpack[Changes]) -> None:
        """Makes the queue where it is not there yet, and sets what is named, as alter says."""
        self._client._opened().alter(self.name, parse_changes(changes), True)

    def alter(self, **changes: Unpack[Changes]) -> None:
        """Changes what is set of the queue, for all processes: seen by each within 1 s.

        max_length: so many messages wait, are parked or leased at most; None: any number.
        overflow: block, raise, drop_newest or drop_oldest, overflow_wait: how long block blocks;
        topic: what is sent goes to subscriptions alone. retention: for how long they can go back;
        see msgq.queue_settings.QueueSettings. What is in the queue already stays. Raises
        ConfigError, also for no change at all, and NotFoundError for an unknown queue.
        """
        if not changes:
            known = ", ".join(Changes.__annotations__)
            raise ConfigError(f"name what is to be changed of queue {self.name!r}: {known}")
        self._client._opened().alter(self.name, parse_changes(changes))

    def settings(self) -> QueueSettings:
        """Gives what is set of the queue, for all processes. Raises NotFoundError."""
        return settings_from(self._client._opened().settings(self.name))

    def purge(self) -> int:
        """Removes every waiting and parked message and lapses open claims; gives how many."""
        return self._client._opened().purge(self.name)

    def delete(self) -> None:
        """Removes the queue and all it holds, with its subscriptions. Raises NotFoundError."""
        self._client._opened().delete_queue(self.name)

    def rename(self, name: str) -> Queue:
        """Gives the queue another name, with all it holds and its subscriptions; gives its handle.

        What was claimed goes on. Whoever sends to the old name makes another queue of that name:
        here at once, in other processes within a second, and until then it gets here. Raises
        NotFoundError; ConfigError where there is a queue of that name, or it is a subscription.
        """
        self._client._opened().rename_queue(self.name, name)
        return self._client.queue(name)

    # --- subscriptions ---

    def subscribe(self, name: str, start: Start = "latest") -> Subscription:
        """Makes a subscription, which gets every message of the queue beside all others.

        start: latest (what is sent from now on), earliest (what is still there), an aware datetime,
        a duration back from now, or the id of the first message. One that is there stays as it is.
        Raises ConfigError, NotFoundError where `start` is no longer kept.
        """
        made = self.subscription(name)
        self._client._opened().subscribe(self.name, name, *parse_start(start))
        return made

    def subscription(self, name: str) -> Subscription:
        """Gives a handle of a subscription; whether there is one is seen when it is used."""
        from msgq.subscription import Subscription

        return Subscription(self._client, self.name, name)

    def subscriptions(self) -> list[Subscription]:
        """Gives the queue's subscriptions, by name."""
        found = self._client._opened().depth()
        own = [str(each["queue"]) for each in found if each.get("source") == self.name]
        return [self.subscription(each[len(self.name) + 1 :]) for each in own]


def _some_ids(ids: Sequence[uuid.UUID | str]) -> list[bytes]:
    if not ids:
        raise ConfigError("name the messages by their ids: receipt.id, or message.id")
    return [_as_id(each).bytes for each in ids]


def _as_id(value: uuid.UUID | str) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise ConfigError(f"{value!r:.60} is no message id (a UUID)") from None


def encoded(body: Any) -> tuple[bytes, int]:
    """Gives body and content type: bytes as they are, the rest as JSON. Raises PayloadError."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), CONTENT_BYTES
    return codec.encode_json(body), CONTENT_JSON


def _encoded_many(bodies: Iterable[Any]) -> tuple[list[bytes], int]:
    """All bytes, or all JSON: a batch is of one content type."""
    listed = codec.many(bodies)
    kinds = set(map(type, listed))
    if kinds <= _BYTES_ONLY:
        return listed if type(listed) is list else list(listed), CONTENT_BYTES
    if kinds <= {bytes, bytearray, memoryview}:
        return [bytes(each) for each in listed], CONTENT_BYTES
    encoded: list[bytes] = []
    for index, each in enumerate(listed):
        if isinstance(each, (bytes, bytearray, memoryview)):
            raise PayloadError(f"item {index} is bytes while others are not; send them apart")
        try:
            encoded.append(codec.encode_json(each))
        except PayloadError as error:
            raise PayloadError(f"item {index}: {error}") from error
    return encoded, CONTENT_JSON
