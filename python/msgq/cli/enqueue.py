"""`msgq enqueue`: messages from an argument, a file or a stream into a queue or to a handler."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from msgq._pace import Pacer
from msgq.cli import bodies
from msgq.cli.options import Json, Url, duration
from msgq.cli.output import human_count, print_json, print_text
from msgq.cli.progress import progress
from msgq.cli.sender import Sender, open_sender
from msgq.errors import ConfigError, PayloadError

_EXAMPLE = """Examples:

msgq enqueue emails '{"to": "a@b.c"}' --delay 10m

msgq enqueue shop:send_email '["a@b.c", "hi"]'

zcat orders.jsonl.gz | msgq enqueue orders - --batch 1000 --rate 5000
"""


_Raw: TypeAlias = Annotated[
    bool, typer.Option("--queue", help="The first argument is a queue, even with a colon.")
]
_Ttl: TypeAlias = Annotated[
    float | None,
    typer.Option("--ttl", parser=duration, metavar="DURATION", help="Not run after so long."),
]
_Key: TypeAlias = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help="One at a time a key, in order.")
]
_Dedup: TypeAlias = Annotated[
    str | None, typer.Option("--dedup", metavar="ID", help="Once, while ID is remembered.")
]
_Unique: TypeAlias = Annotated[
    str | None,
    typer.Option("--unique", metavar="HOW", help="until_done, until_started or a duration."),
]
_OnDuplicate: TypeAlias = Annotated[
    str | None, typer.Option("--on-duplicate", metavar="WHAT", help="return, skip or raise.")
]


def enqueue(
    target: Annotated[
        str,
        typer.Argument(metavar="QUEUE|HANDLER", help="A queue, or a handler as MODULE:FUNCTION."),
    ],
    body: Annotated[
        str | None,
        typer.Argument(metavar="[BODY]", help="JSON or plain text; - reads JSON Lines from stdin."),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", metavar="FILE", help="The whole file is one body of bytes."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", metavar="N", min=1, help="Send BODY so many times."),
    ] = None,
    for_seconds: Annotated[
        float | None,
        typer.Option("--for", parser=duration, metavar="DURATION", help="Send BODY for so long."),
    ] = None,
    delay: Annotated[
        float | None,
        typer.Option("--delay", parser=duration, metavar="DURATION", help="Hold back for so long."),
    ] = None,
    priority: Annotated[
        str | None,
        typer.Option("--priority", metavar="N|NAME", help="1 to 10, low, normal, high, critical."),
    ] = None,
    ttl: _Ttl = None,
    key: _Key = None,
    dedup: _Dedup = None,
    unique: _Unique = None,
    on_duplicate: _OnDuplicate = None,
    rate: Annotated[
        float, typer.Option("--rate", metavar="N", min=0, help="Messages a second; 0: no limit.")
    ] = 0,
    batch: Annotated[
        int,
        typer.Option("--batch", metavar="N", min=1, max=100_000, help="Messages in one enqueue."),
    ] = 500,
    headers: Annotated[
        str | None, typer.Option("--headers", metavar="JSON", help='Such as \'{"trace": "42"}\'.')
    ] = None,
    raw: _Raw = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Enqueue one message, many, or a stream of them.

    For a handler BODY holds its arguments: a JSON array, or an object of names.
    """
    source = _source(body, file, count, for_seconds)
    named = _headers(headers)
    size = 1 if 0 < rate < batch else batch
    stamps = {
        "delay": delay, "headers": named, "priority": priority, "ttl": ttl, "key": key,
        "dedup": dedup, "unique": unique, "on_duplicate": on_duplicate,
    }  # fmt: skip
    with open_sender(target, url, is_queue=raw, stamps=stamps) as sender:
        done = _send(
            sender, source, Pacer(rate), size=size, for_seconds=for_seconds, show=not as_json
        )
    _report(target, done, as_json)
    if done.fault is not None:
        raise PayloadError(
            f"{done.fault}; {human_count(done.count)} messages before it were enqueued"
        )


class Done:
    """What was sent so far."""

    def __init__(self) -> None:
        self.count = 0
        self.duplicates = 0
        self.first_id: str | None = None
        self.last_id: str | None = None
        self.seconds = 0.0
        self.fault: PayloadError | None = None


def _source(
    body: str | None, file: Path | None, count: int | None, for_seconds: float | None
) -> Iterable[Any]:
    if (body is None) == (file is None):
        raise ConfigError("give a body: BODY, --file FILE, or - for JSON Lines on stdin")
    if body == "-":
        if count is not None or for_seconds is not None:
            raise ConfigError("--count and --for repeat one BODY; - sends each line once")
        return bodies.from_lines(sys.stdin.buffer)
    one = bodies.from_argument(body) if body is not None else bodies.from_file(file or Path())
    times = count if count is not None else (None if for_seconds is not None else 1)
    return bodies.repeated(one, times)


def _headers(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    found = bodies.from_argument(text, "--headers")
    if not isinstance(found, dict):
        raise ConfigError(f"--headers must be a JSON object, got {text[:60]}")
    return found


def _send(
    sender: Sender,
    source: Iterable[Any],
    pacer: Pacer,
    *,
    size: int,
    for_seconds: float | None,
    show: bool,
) -> Done:
    done = Done()
    start = time.monotonic()
    with progress("enqueued", show) as advance:
        try:
            for batch in bodies.batches(source, size):
                pacer.wait(len(batch))
                if for_seconds is not None and time.monotonic() - start >= for_seconds:
                    break
                sent = sender.send(batch)
                done.count += len(batch) - sent.duplicates
                done.duplicates += sent.duplicates
                done.first_id = done.first_id or sent.first_id
                done.last_id = sent.last_id
                advance(done.count)
        except PayloadError as error:
            if done.count == 0:
                raise
            done.fault = error
    done.seconds = time.monotonic() - start
    return done


def _report(target: str, done: Done, as_json: bool) -> None:
    rate = done.count / done.seconds if done.seconds else 0.0
    if as_json:
        print_json(
            {
                "target": target,
                "enqueued": done.count,
                "duplicates": done.duplicates,
                "first_id": done.first_id,
                "last_id": done.last_id,
                "seconds": round(done.seconds, 6),
                "rate": round(rate, 1),
            }
        )
    elif done.count + done.duplicates == 1:
        print_text(str(done.first_id) + (" is there already" if done.duplicates else ""))
    else:
        print_text(
            f"{human_count(done.count)} messages to {target} in {done.seconds:.2f} s "
            f"({human_count(rate)}/s)"
            + (f"; {human_count(done.duplicates)} were there already" if done.duplicates else "")
        )


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command(epilog=_EXAMPLE)(enqueue)
