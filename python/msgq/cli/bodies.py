"""Where the bodies of `msgq enqueue` come from: an argument, a file, JSON Lines on stdin."""

import json
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import IO, Any

from msgq.errors import NotFoundError, PayloadError

Body = Any  # what a line means: any JSON value, or bytes


def from_argument(text: str, what: str = "the body") -> Body:
    """JSON where it begins like JSON, the plain text otherwise: `{"a": 1}`, `42`, `hello`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] in ("{", "[", '"'):
            raise PayloadError(f"{what} begins like JSON but is none: {_reason(error)}") from None
        return text


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def from_file(path: Path) -> bytes:
    """The whole file as one body."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read {path}: {error.strerror}") from None


def from_lines(stream: IO[bytes]) -> Iterator[Body]:
    """One JSON value a line, read as they come; blank lines are skipped.

    Raises PayloadError naming the first line that is no JSON; what came before has been yielded.
    """
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise PayloadError(f"line {number} is no JSON: {_reason(error)}") from None


def repeated(body: Body, count: int | None) -> Iterable[Body]:
    """The same body `count` times, without end for None."""
    return repeat(body) if count is None else repeat(body, count)


def batches(bodies: Iterable[Body], size: int) -> Iterator[list[Body]]:
    """Lists of up to `size`; a fault of the source comes after everything before it."""
    batch: list[Body] = []
    source = iter(bodies)
    while True:
        try:
            batch.append(next(source))
        except StopIteration:
            break
        except PayloadError:
            if batch:
                yield batch
            raise
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
