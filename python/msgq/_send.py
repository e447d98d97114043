"""The producers' side of the engine for one queue and one kind of body; queues and handlers use it.

Any thread; the async calls from any event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, cast

from msgq import codec
from msgq._bridge import PLAIN, Life
from msgq._conn import Letters, Uncommitted, asend, send
from msgq._engine import core, refuse_unknown
from msgq._held import SCOPE, HeldPending, scope_for
from msgq.dedup import parse_dedup, parse_terms
from msgq.duration import When, delay_ms, due_ms, expires_ms
from msgq.errors import ConfigError, UnsupportedError
from msgq.keys import Key, KeyFunction, parse_key
from msgq.priority import NORMAL, parse_priority
from msgq.receipt import BatchReceipt, Pending, Receipt

if TYPE_CHECKING:
    from msgq import _core
    from msgq._core import Engine
    from msgq.client import Client


class Options:
    """What a call says beyond its body: delay, priority, key, ... Checked when made."""

    __slots__ = (
        "conn", "dedup", "dedup_rule", "delay", "headers", "held", "key", "priority", "rule",
        "terms", "ttl",
    )  # fmt: skip

    def __init__(
        self,
        transport: str,
        delay: When | None = None,
        headers: Mapping[str, Any] | None = None,
        retry: int | None = None,
        others: dict[str, Any] | None = None,
        *,
        rule: Key | KeyFunction | None = None,
        dedup_rule: Key | KeyFunction | None = None,
    ) -> None:
        others = dict(others or {})
        self.conn = others.pop("conn", None)
        self.held: bool | None = others.pop("held", None)
        if self.held not in {None, True, False}:
            raise ConfigError(f"held= is True or False, got {self.held!r:.60}")
        self.priority = parse_priority(others.pop("priority", None))
        self.ttl: When | None = others.pop("ttl", None)
        self.key = parse_key(others.pop("key", None))
        self.rule = rule
        self.dedup = parse_dedup(others.pop("dedup", None))
        self.dedup_rule = dedup_rule
        unique, on_duplicate = others.pop("unique", None), others.pop("on_duplicate", None)
        self.terms = parse_terms(unique, on_duplicate)
        if self.dedup or dedup_rule:
            self._refuse_dedup(transport)
        elif unique is not None or on_duplicate is not None:
            raise ConfigError("unique= and on_duplicate= say what dedup= is; give that too")
        if others:
            refuse_unknown(others)
        if self.conn is not None and transport != "postgresql":
            raise UnsupportedError(f"conn= is not built into the {transport} transport")
        if self.key or self.rule:
            self._refuse_with_key(delay)
        due_ms(delay)  # refuses senseless times now, not at the first call
        expires_ms(self.ttl, delay)
        self.delay = delay
        own: dict[str, Any] = {}
        if retry is not None:
            if isinstance(retry, bool) or not isinstance(retry, int) or retry < 1:
                raise ConfigError(f"retry= is the number of attempts, at least 1, got {retry!r}")
            own[codec.MAX_ATTEMPTS_HEADER] = retry
        self.headers = codec.encode_headers(headers, own)

    def _refuse_dedup(self, transport: str) -> None:
        """Raises UnsupportedError where no store can remember a dedup id."""
        if self.conn is not None:
            raise UnsupportedError("dedup= does not go with conn= yet")
        if transport == "sync":
            raise UnsupportedError("dedup= is not offered on sync://, which stores nothing")

    def _refuse_with_key(self, delay: When | None) -> None:
        """Raises ConfigError for what would break the order of the key."""
        if self.priority != NORMAL:
            raise ConfigError(
                "key= and priority= do not go together: a message would overtake others of its key"
            )
        if delay is not None:
            raise ConfigError(
                "key= and delay= do not go together: others of its key would overtake the message"
            )
        if self.conn is not None:
            raise UnsupportedError("key= does not go with conn= yet")

    def plus(self, own: Mapping[str, Any]) -> Options:
        """Gives the same with headers of msgq's own."""
        made = copy(self)
        made.headers = codec.add_headers(self.headers, own)
        return made


class Sender:
    """Enqueues bodies of one type into one queue."""

    def __init__(self, client: Client, queue: str, kind: str, content: int) -> None:
        # fixed after construction
        self.client = client
        self.queue = queue
        self.kind = kind
        self.content = content

    @property
    def engine(self) -> Engine:
        """The client's engine, opened now if it is not."""
        return self.client._opened()

    def kind_for(self, _conn: Any) -> str:
        """Gives the kind of its transport, which says what options it can have."""
        return self.client.transport

    def put(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Enqueues one message and waits until it is settled. key, dedup: where there are rules."""
        if options is not None and options.conn is not None:
            return _receipt(send(options.conn, self._letters([body], content, options)))
        if SCOPE.get() is not None and (kept := self._kept(body, content, options, key, dedup)):
            return kept
        headers, due, life = self._unfold(options, key, dedup)
        raw = self.engine.enqueue_wait(self.queue, self.kind, content, body, headers, due, *life)
        return Receipt(raw)

    def put_later(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Enqueues one message without waiting."""
        if options is not None and options.conn is not None:
            return self.put(body, content, options, key)
        if SCOPE.get() is not None and (kept := self._kept(body, content, options, key, dedup)):
            return kept
        headers, due, life = self._unfold(options, key, dedup)
        core = self.engine.enqueue(self.queue, self.kind, content, body, headers, due, *life)
        return Receipt(b"", Pending(core))

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
        """Enqueues many messages without waiting. `keys`: one for each, "" for none."""
        headers, due, (priority, expires, key, once, on_duplicate) = self._unfold(options)
        if not bodies:
            return BatchReceipt([])
        onces = once if dedups is None or options is None else self._encoded(options, dedups)
        if options is not None and options.conn is not None:
            letters = self._letters(bodies, content, options, each)
            return BatchReceipt([cast("_core.Receipt", send(options.conn, letters))])
        scope = scope_for(self.engine, None if options is None else options.held)
        if scope is not None:
            kept = self.engine.keep(
                self.queue, self.kind, content, bodies, headers, due, each, priority, expires,
                key if keys is None else keys, onces, on_duplicate,
            )  # fmt: skip
            scope.add(kept)
            pending = [HeldPending(one.receipt, scope) for one in kept]
            return BatchReceipt.of(pending, self._order(keys, onces))
        return BatchReceipt(
            self.engine.enqueue_many(
                self.queue, self.kind, content, bodies, headers, due, each, priority, expires,
                key if keys is None else keys, onces, on_duplicate,
            ),
            self._order(keys, onces),
        )  # fmt: skip

    async def aput(
        self, body: bytes, content: int, options: Options | None, key: str = "", dedup: str = ""
    ) -> Receipt:
        """Enqueues one message from an event loop, together with others of the same turn."""
        if options is not None and options.conn is not None:
            return _receipt(await asend(options.conn, self._letters([body], content, options)))
        if SCOPE.get() is not None and (kept := self._kept(body, content, options, key, dedup)):
            return kept
        headers, due, life = self._unfold(options, key, dedup)
        group = (self.queue, self.kind, content, due, life)
        return await self.client._bridge().put(group, body, headers)

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
        """Enqueues many messages from an event loop and awaits them. `keys`: as put_many."""
        if bodies and options is not None and options.conn is not None:
            letters = self._letters(bodies, content, options, each)
            return BatchReceipt([cast("_core.Receipt", await asend(options.conn, letters))])
        if scope_for(self.engine, None if options is None else options.held) is not None:
            return self.put_many(bodies, content, options, each, keys=keys, dedups=dedups)
        headers, due, life = self._unfold(options)
        bridge = self.client._bridge()
        group = (self.queue, self.kind, content, due, life)
        onces = None if dedups is None or options is None else self._encoded(options, dedups)
        receipts = await bridge.put_many(group, bodies, headers, each, keys=keys, onces=onces)
        order = self._order(keys, life[3] if onces is None else onces)
        return await BatchReceipt(receipts, order)

    def _kept(
        self, body: bytes, content: int, options: Options | None, key: str, dedup: str
    ) -> Receipt | None:
        """Keeps a message where its scope says so; None: it goes at once."""
        scope = scope_for(self.engine, None if options is None else options.held)
        if scope is None:
            return None
        headers, due, (priority, expires, name, once, on_duplicate) = self._unfold(
            options, key, dedup
        )
        kept = self.engine.keep(
            self.queue, self.kind, content, (body,), headers, due, None, priority, expires, name,
            once, on_duplicate,
        )  # fmt: skip
        scope.add(kept)
        return Receipt(b"", HeldPending(kept[0].receipt, scope))

    def _order(
        self, keys: Sequence[str] | None, onces: bytes | Sequence[bytes] | None
    ) -> list[int] | None:
        """In which order messages with these keys and dedup ids are sent, None: as they come."""
        if keys is None or self.client.transport == "sync":
            return None
        order: list[int] = core().by_shard(keys, onces)[0]
        return order

    def _unfold(
        self, options: Options | None, key: str = "", dedup: str = ""
    ) -> tuple[bytes | None, int, Life]:
        """Gives headers, due time and life as the core takes them."""
        if options is None:
            return None, 0, PLAIN
        expires = expires_ms(options.ttl, options.delay)
        name = options.dedup or dedup
        once = options.terms.encode(name, self.client.config["dedup_window"]) if name else b""
        life = (options.priority, expires, options.key or key, once, options.terms.on_duplicate)
        return options.headers, due_ms(options.delay), life

    def _encoded(self, options: Options, dedups: Sequence[str]) -> list[bytes]:
        window = self.client.config["dedup_window"]
        return [options.terms.encode(each, window) for each in dedups]

    def _letters(
        self,
        bodies: Sequence[bytes],
        content: int,
        options: Options,
        each: Sequence[bytes | None] | None = None,
    ) -> Letters:
        """Gives what is sent over a connection of the caller's."""
        schema = self.client.config["schema"]
        delay = None if options.delay is None else delay_ms(options.delay)
        headers = [options.headers] * len(bodies) if each is None else each
        store = self.client._store_name
        ttl = None if options.ttl is None else delay_ms(options.ttl)
        return Letters(
            schema, store, self.queue, self.kind, content, bodies, headers, delay,
            options.priority, ttl,
        )  # fmt: skip


def _receipt(sent: Uncommitted) -> Receipt:
    return Receipt(b"", Pending(cast("_core.Receipt", sent)))
