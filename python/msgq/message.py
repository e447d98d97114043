"""What a message looks like from outside: Message (seen), Delivery (claimed). See also context.

A Message is a read-only value, any thread. A Delivery belongs to whoever claimed it; its
settling calls may come from any thread, and exactly one of them counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from msgq import codec, outcome
from msgq._held import SCOPE, Settling
from msgq.dedup import id_in
from msgq.duration import Duration, When, delay_ms, is_held_until, parse_duration
from msgq.errors import ConfigError, LeaseLostError, UnsupportedError, WaitTimeoutError

if TYPE_CHECKING:
    from msgq._ack import Acks
    from msgq._core import DeliveryFields, Engine, Found, Lot, Receipt

_ACK, _RETRY, _SNOOZE, _REJECT = 0, 1, 2, 3


def from_ms(millis: int) -> datetime | None:
    """Gives an aware UTC datetime of Unix milliseconds; None for 0."""
    return datetime.fromtimestamp(millis / 1000, timezone.utc) if millis else None


def load_history(text: bytes) -> list[dict[str, Any]]:
    """Gives the failed attempts of a message, oldest first: at, ms, worker, error, text, trace."""
    found = msgspec.json.decode(text) if text else []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


class Message:
    """A message as found by id or by looking, without claiming it. Read-only; fields on demand."""

    __slots__ = ("_found",)

    def __init__(self, found: Found) -> None:
        self._found = found

    def __repr__(self) -> str:
        return f"Message({self.id}, queue={self.queue!r}, state={self.state!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._found == other._found

    def __hash__(self) -> int:
        return hash(self._found[2])

    @property
    def id(self) -> uuid.UUID:
        """Made by the producer, UUIDv7."""
        return uuid.UUID(bytes=self._found[2])

    @property
    def queue(self) -> str:
        """Where it is."""
        return self._found[0]

    @property
    def state(self) -> str:
        """One of waiting, leased, parked, dead, done."""
        return self._found[1]

    @property
    def handler(self) -> str:
        """Name of the handler it is for; empty for plain queue messages."""
        return self._found[3]

    @property
    def content(self) -> str:
        """How the body is to be read: bytes, json, msgpack or text."""
        return codec.CONTENT_NAMES[self._found[4]]

    @property
    def headers(self) -> dict[str, Any]:
        """A fresh dict."""
        return codec.decode_headers(self._found[5])

    @property
    def body(self) -> bytes:
        """As it was sent."""
        return self._found[6]

    def value(self) -> Any:
        """Gives the decoded body. Raises PayloadError when it cannot be decoded."""
        return codec.decode_content(self._found[4], self._found[6])

    @property
    def deliveries(self) -> int:
        """How often it was handed out."""
        return self._found[7]

    @property
    def failures(self) -> int:
        """How often its handler failed."""
        return self._found[8]

    @property
    def crashes(self) -> int:
        """How often its worker died while it ran alone."""
        return self._found[9]

    @property
    def history(self) -> list[dict[str, Any]]:
        """Its failed attempts, oldest first; the first and the last ten are kept."""
        return load_history(self._found[10])

    @property
    def error(self) -> str:
        """Class of the exception that its last failed attempt ended with; empty without one."""
        history = self.history
        return str(history[-1].get("error", "")) if history else ""

    @property
    def enqueued_at(self) -> datetime | None:
        """When it was enqueued, UTC."""
        return from_ms(self._found[11])

    @property
    def due_at(self) -> datetime | None:
        """When a parked one is due, UTC; None when it is held."""
        return None if self.is_held else from_ms(self._found[12])

    @property
    def is_held(self) -> bool:
        """Whether it stays parked until somebody releases it; see Queue.hold."""
        return is_held_until(self._found[12])

    @property
    def reason(self) -> str:
        """Why a dead one is dead."""
        return self._found[13]

    @property
    def changed_at(self) -> datetime | None:
        """When it died or was parked, UTC."""
        return from_ms(self._found[14])

    @property
    def priority(self) -> int:
        """From 1, served last, to 10."""
        return self._found[16]

    @property
    def expires_at(self) -> datetime | None:
        """From when on it is not run, UTC; None: never."""
        return from_ms(self._found[17])

    @property
    def key(self) -> str | None:
        """Its key; None: it has none."""
        return self._found[18] or None

    @property
    def dedup(self) -> str | None:
        """Its dedup id; None: it has none."""
        return id_in(self._found[19])

    @property
    def cursor(self) -> str:
        """Pass it as `after` to go on behind this message."""
        return self._found[15]


class Handed:
    """One message of a lot: what deliveries and contexts share. Fields are read when looked at."""

    __slots__ = ("_fields", "_index", "_lot")

    def __init__(self, lot: Lot, index: int) -> None:
        self._lot = lot
        self._index = index
        self._fields: DeliveryFields | None = None

    def _all(self) -> DeliveryFields:
        if self._fields is None:
            self._fields = self._lot.fields(self._index)
        return self._fields

    @property
    def id(self) -> uuid.UUID:
        """Made by the producer, UUIDv7."""
        return uuid.UUID(bytes=self._all()[0])

    @property
    def queue(self) -> str:
        """Where it came from."""
        return self._lot.queue

    @property
    def handler(self) -> str:
        """Name of the handler it is for; empty for plain queue messages."""
        return self._all()[1]

    @property
    def headers(self) -> Mapping[str, Any]:
        """As given at enqueue."""
        return codec.decode_headers(self._all()[3])

    @property
    def body(self) -> bytes:
        """As it was sent."""
        return self._all()[4]

    def value(self) -> Any:
        """Gives the decoded body. Raises PayloadError when it cannot be decoded."""
        fields = self._all()
        return codec.decode_content(fields[2], fields[4])

    @property
    def attempt(self) -> int:
        """How often it was handed out, this time included; from 1."""
        return self._all()[5]

    @property
    def failures(self) -> int:
        """How often it failed before."""
        return self._all()[6]

    @property
    def priority(self) -> int:
        """From 1, served last, to 10."""
        return self._all()[11]

    @property
    def expires_at(self) -> datetime | None:
        """From when on it is not run, UTC; None: never."""
        return from_ms(self._all()[12])

    @property
    def key(self) -> str | None:
        """Its key; None: it has none."""
        return self._all()[13] or None

    @property
    def fence(self) -> int:
        """The number of the lease."""
        return self._all()[10]

    @property
    def history(self) -> list[dict[str, Any]]:
        """Its failed attempts, oldest first."""
        return load_history(self._all()[8])

    @property
    def enqueued_at(self) -> datetime | None:
        """When it was enqueued, UTC."""
        return from_ms(self._all()[9])

    @property
    def is_lost(self) -> bool:
        """True once its lease is known to be lost: somebody else may run it."""
        return self._lot.is_lost


class Delivery(Handed):
    """One claimed message under a lease nobody renews. Each settling call is durable on return.

    Exactly one of ack, retry, snooze, reject counts; a second one, or one after the lease's end,
    raises LeaseLostError and changes nothing. Inside a transaction() they are part of that.
    Each has an async twin with an `a` before its name.
    """

    __slots__ = ("_acks", "_engine", "_is_settled", "_lease_max")

    def __init__(
        self,
        engine: Engine,
        lot: Lot,
        index: int,
        lease_max: float = 43_200.0,
        acks: Acks | None = None,
    ) -> None:
        super().__init__(lot, index)
        self._engine = engine
        self._lease_max = lease_max
        self._acks = acks
        self._is_settled = False

    def __repr__(self) -> str:
        return f"Delivery({self.id}, queue={self.queue!r}, attempt={self.attempt})"

    @property
    def is_settled(self) -> bool:
        """True once a settling call was made on it."""
        return self._is_settled

    def ack(self, *, conn: Any = None) -> None:
        """Settles it as done. Raises LeaseLostError, ClosedError, StoreError.

        With `conn` in the transaction that is open there: done once, and if, that commits; another
        settling call decides after a rollback, and raises WaitTimeoutError while it is open.
        PostgreSQL only. Raises UnsupportedError, ConfigError, StoreError as enqueue(conn=...) does.
        """
        if conn is None:
            self._finish(self._settle(_ACK))
            return
        self._require_open()
        require_acks(self._acks).ack(conn, self._lot, (self._index,))
        self._engine.await_ack(self._lot, self._index)

    def retry(self, delay: When = 0.0, reason: str = "") -> None:
        """Gives it back as failed, due after `delay`. Errors as ack."""
        self._finish(self._settle(_RETRY, delay_ms(delay), reason))

    def snooze(self, until: When) -> None:
        """Gives it back, due at `until`; counts no failure. Errors as ack."""
        self._finish(self._settle(_SNOOZE, delay_ms(until)))

    def reject(self, reason: str = "rejected") -> None:
        """Makes it a dead letter with this reason. Errors as ack."""
        self._finish(self._settle(_REJECT, 0, reason))

    def extend(self, seconds: Duration) -> None:
        """Moves the lease's end to `seconds` from now, for all messages claimed in the same call.

        Raises ConfigError for 0 and for more than lease_max; else errors as ack.
        """
        self._finish(self._extend(seconds))

    def settle(self, decided: outcome.Outcome) -> None:
        """Settles it by an outcome such as msgq.Retry(5). Errors as ack."""
        if isinstance(decided, outcome.Reject):
            self.reject(decided.reason)
        elif isinstance(decided, outcome.Snooze):
            self._finish(self._settle(_SNOOZE, decided.delay_ms))
        elif isinstance(decided, outcome.Retry):
            self._finish(self._settle(_RETRY, decided.delay_ms or 0, decided.reason))
        else:
            self.ack()

    async def aack(self, *, conn: Any = None) -> None:
        """Twin of ack; `conn` is an asynchronous connection."""
        if conn is None:
            await self._asettle(_ACK)
            return
        self._require_open()
        await require_acks(self._acks).aack(conn, self._lot, (self._index,))
        self._engine.await_ack(self._lot, self._index)

    async def aretry(self, delay: When = 0.0, reason: str = "") -> None:
        """Twin of retry."""
        await self._asettle(_RETRY, delay_ms(delay), reason)

    async def asnooze(self, until: When) -> None:
        """Twin of snooze."""
        await self._asettle(_SNOOZE, delay_ms(until))

    async def areject(self, reason: str = "rejected") -> None:
        """Twin of reject."""
        await self._asettle(_REJECT, 0, reason)

    async def aextend(self, seconds: Duration) -> None:
        """Twin of extend."""
        await self._afinish(self._extend(seconds))

    def _settle(self, verdict: int, delay: int = 0, reason: str = "") -> Receipt | None:
        self._require_open()
        if self._acks is not None:
            self._acks.end(self._lot, self._index)
        return self._push(verdict, delay, reason)

    async def _asettle(self, verdict: int, delay: int = 0, reason: str = "") -> None:
        self._require_open()
        if self._acks is not None and self._lot.end_acks(self._index, self._index + 1):
            import asyncio

            await asyncio.to_thread(self._acks.end, self._lot, self._index)
        await self._afinish(self._push(verdict, delay, reason))

    def _push(self, verdict: int, delay: int, reason: str) -> Receipt | None:
        """Settles it; None: with the transaction that is open."""
        record = b""
        if verdict in {_RETRY, _REJECT}:
            from msgq._record import attempt_record

            why = "rejected" if verdict == _REJECT else "given back by its claimer"
            record = attempt_record(None, reason or why)
        decision = (self._index, verdict, delay, reason, record)
        scope = SCOPE.get()
        if isinstance(scope, Settling) and scope.is_open:
            scope.settle(self, decision)
            self._is_settled = True
            return None
        receipt = self._engine.settle_now(self._lot, [decision])
        self._is_settled = True
        return receipt

    def _require_open(self) -> None:
        if self._is_settled:
            text = f"message {self.id} of {self.queue!r} is already settled; nothing was changed"
            raise LeaseLostError(text)

    def _extend(self, seconds: Duration) -> Receipt:
        lease = parse_lease(seconds, self._lease_max)
        self._require_open()
        return self._engine.extend(self._lot, lease)

    def _finish(self, receipt: Receipt | None) -> None:
        if receipt is None:
            return
        if not receipt.wait(None):
            raise WaitTimeoutError("the store did not answer")
        error = receipt.error()
        if isinstance(error, LeaseLostError):
            raise LeaseLostError(f"message {self.id} of {self.queue!r}: {error}")
        if error is not None:
            raise error

    async def _afinish(self, receipt: Receipt | None) -> None:
        if receipt is None:
            return
        from msgq._notice import settled

        await settled(receipt)
        self._finish(receipt)


def require_acks(acks: Acks | None) -> Acks:
    """Gives the way into users' transactions. Raises UnsupportedError where there is none."""
    if acks is None:
        raise UnsupportedError("conn= needs a message that came from a store on postgresql")
    return acks


def parse_lease(given: Duration, most: float) -> float:
    """Gives seconds. Raises ConfigError for 0 and for more than `most` (the setting lease_max)."""
    seconds = parse_duration(given, "lease")
    if not 0 < seconds <= most:
        raise ConfigError(
            f"lease must be above 0 and at most {most:g} s (lease_max), got {seconds:g} s"
        )
    return seconds
