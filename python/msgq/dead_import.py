"""Reads an export of dead letters back: checks every line, then enqueues each as a new message.

The store has no way to take a dead letter in, nor an id from outside: what is read gets a new id,
fresh counts and no history; a time to live that is over by then is left out, as a redrive does.
One thread for each Importer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import msgspec

from msgq import codec
from msgq._engine import validate_queue_name
from msgq.dead_export import VERSION, Line
from msgq.duration import now_ms
from msgq.errors import ConfigError, PayloadError, QueueFullError
from msgq.keys import parse_key
from msgq.receipt import BatchReceipt

if TYPE_CHECKING:
    from msgq.client import Client

BATCH_BYTES: Final = 64 << 10
_FRAME_BYTES: Final = 600
"""More than a message costs in a block besides body and headers; a batch shall be one block."""
_decode = msgspec.json.Decoder(Line).decode


class Parsed(NamedTuple):
    """What one line says, as the core takes it."""

    number: int
    queue: str
    handler: str
    content: int
    priority: int
    expires_ms: int
    key: str
    headers: bytes | None
    body: bytes


class Importer:
    """Sends lines to a client's store, into `queue` or where each letter was.

    Raises ConfigError for a bad name of a queue.
    """

    def __init__(self, client: Client, queue: str | None = None) -> None:
        self._client = client
        self._queue = None if queue is None else validate_queue_name(queue)
        self.line = 0
        """The last line that is certainly enqueued; those after it certainly are not, unless what
        was raised is a StoreInDoubtError: then some right behind it may be."""

    def check(self, lines: Iterable[bytes]) -> int:
        """Reads every line and sends nothing; gives how many there are.

        Raises PayloadError naming the first bad line, and what is wrong with it.
        """
        return sum(1 for _ in self._parsed(lines))

    def send(
        self, lines: Iterable[bytes], *, from_line: int = 1,
        progress: Callable[[int], object] | None = None,
    ) -> int:  # fmt: skip
        """Enqueues line by line, in order; gives how many. Durable when it returns.

        from_line: skips those before. Raises PayloadError for a bad line, and whatever enqueue
        raises; `line` says how far it came.
        """
        count = 0
        parsed = (each for each in self._parsed(lines) if each.number >= from_line)
        config = self._client.config
        bytes_max = min(BATCH_BYTES, config["batch_bytes_max"])
        for batch in _batches(parsed, config["batch_count_max"], bytes_max):
            self._put(batch)
            self.line = batch[-1].number
            count += len(batch)
            if progress is not None:
                progress(count)
        return count

    def _put(self, batch: list[Parsed]) -> None:
        first = batch[0]
        receipts = self._client._opened().enqueue_many(
            first.queue, first.handler, first.content, [each.body for each in batch], None, 0,
            [each.headers for each in batch], first.priority, first.expires_ms, first.key,
        )  # fmt: skip
        receipt = BatchReceipt(receipts).wait()
        if receipt.status == "dropped":
            raise QueueFullError(f"line {first.number}: dropped, as overflow=drop says")

    def _parsed(self, lines: Iterable[bytes]) -> Iterator[Parsed]:
        body_max = self._client.config["message_bytes_max"]
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _parse(number, line, self._queue, body_max)
            except (ConfigError, PayloadError) as error:
                raise PayloadError(f"line {number}: {error}") from None


def lines_of(source: IO[bytes], body_max: int) -> Iterator[bytes]:
    """Gives the lines of a file, none longer than a letter can be. Raises PayloadError."""
    most = body_max * 6 + (1 << 20)  # a control character is six bytes of JSON
    number = 0
    while line := source.readline(most + 1):
        number += 1
        if len(line) > most:
            raise PayloadError(f"line {number}: over {most} bytes, more than any dead letter has")
        yield line


def _parse(number: int, line: bytes, queue: str | None, body_max: int) -> Parsed:
    found = _read(line)
    if found.msgq_dead_letter != VERSION:
        raise _other_version(found.msgq_dead_letter)
    if (found.body is None) == (found.body_base64 is None):
        raise PayloadError("it has to have one of body and body_base64")
    body = found.body.encode() if found.body is not None else found.body_base64 or b""
    if len(body) > body_max:
        raise PayloadError(
            f"body of {len(body)} bytes, at most {body_max} are allowed (message_bytes_max)"
        )
    if len(found.handler.encode()) > 255 or not (found.handler + " ").isprintable():
        raise PayloadError("a handler's name is at most 255 printable bytes")
    target = queue or validate_queue_name(found.queue)
    content = codec.CONTENT_NAMES.index(found.content)
    ends = int(found.expires.timestamp() * 1000) if found.expires is not None else 0
    expires_ms = ends if ends > now_ms() else 0
    key = parse_key(found.key or None)
    return Parsed(
        number, target, found.handler, content, found.priority, expires_ms, key, _headers(found),
        body,
    )  # fmt: skip


def _read(line: bytes) -> Line:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _explained(line, error) from None


def _explained(line: bytes, error: Exception) -> PayloadError:
    """Says what a line is that cannot be read: no JSON, of another version, or short of a field."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return PayloadError("it is no JSON: each line is one dead letter of `msgq dead export`")
    version = found.get("msgq_dead_letter") if isinstance(found, dict) else None
    if type(version) is int and version != VERSION:
        return _other_version(version)
    if version is None:
        return PayloadError("it is no dead letter of `msgq dead export`: no msgq_dead_letter in it")
    return PayloadError(f"it is no dead letter: {error}")


def _other_version(version: int) -> PayloadError:
    return PayloadError(
        f"it is of version {version} and this msgq reads {VERSION}; use the msgq that wrote it"
    )


def _headers(found: Line) -> bytes | None:
    """Headers as they were, those that msgq added included."""
    own = {k: v for k, v in found.headers.items() if k.lower().startswith(codec.RESERVED)}
    theirs = {k: v for k, v in found.headers.items() if k not in own}
    return codec.encode_headers(theirs, own)


def _batches(parsed: Iterator[Parsed], most: int, bytes_max: int) -> Iterator[list[Parsed]]:
    """Neighbours that go into one block, so that a batch is enqueued whole or not at all."""
    batch: list[Parsed] = []
    size = 0
    for each in parsed:
        bytes_each = len(each.body) + len(each.headers or b"") + _FRAME_BYTES
        is_other = bool(batch) and each[1:7] != batch[0][1:7]
        if batch and (is_other or len(batch) >= most or size + bytes_each > bytes_max):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += bytes_each
    if batch:
        yield batch
