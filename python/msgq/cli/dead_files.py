"""`msgq dead export` and `import`: dead letters as JSON Lines, out of a store and into one."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from msgq.cli.dead_filter import AtMost, Criteria, QueueOrAll, filtered, of, selected
from msgq.cli.options import Json, Url
from msgq.cli.output import human_count, note, print_json, print_text
from msgq.cli.progress import progress
from msgq.cli.store import opened
from msgq.dead_import import Importer, lines_of
from msgq.errors import ConfigError, MsgqError, NotFoundError

STREAM = "-"


@filtered
def export(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="One that does not exist yet; - for stdout.")
    ],
    queue: QueueOrAll = None,
    *,
    limit: AtMost = None,
    criteria: Criteria,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Write dead letters to a file, one line of JSON each. They stay where they are."""
    with (
        opened(url) as client,
        _out(file) as out,
        progress("exported", not as_json and file != STREAM) as show,
    ):
        count = selected(client, queue, criteria, limit).export(out, progress=show)
    if file == STREAM:
        note(f"msgq: {human_count(count)} dead letters of {of(queue)} exported")
    elif as_json:
        print_json({"file": file, "queue": queue, "exported": count})
    else:
        print_text(f"{human_count(count)} dead letters of {of(queue)} exported to {file}")


@contextmanager
def _out(file: str) -> Iterator[IO[bytes]]:
    """Stdout; or a new file of its owner's, there in full and on the device, or not at all."""
    if file == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if Path(file).exists():
        raise ConfigError(f"{file} exists; an export never overwrites, name a new file")
    part = Path(f"{file}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise NotFoundError(f"cannot write {part}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(descriptor)
        part.rename(file)
    except MsgqError:  # some are OSErrors too
        raise
    except OSError as error:
        raise ConfigError(f"cannot write {part}: {error.strerror}; nothing is at {file}") from None
    finally:
        part.unlink(missing_ok=True)


def import_dead(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What `msgq dead export` wrote; - for stdin.")
    ],
    *,
    queue: Annotated[
        str | None,
        typer.Option("--queue", metavar="QUEUE", help="Into this one; else where each was."),
    ] = None,
    from_line: Annotated[
        int, typer.Option("--from-line", metavar="N", min=1, help="Leave out those before.")
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check every line.")] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Enqueue exported dead letters as new messages, once every line has been found good."""
    with _source(file) as source, opened(url, makes=not dry_run) as client:
        importer = Importer(client, queue)
        body_max = client.config["message_bytes_max"]
        count = importer.check(lines_of(source, body_max))
        if not dry_run:
            source.seek(0)
            try:
                with progress("enqueued", not as_json) as show:
                    count = importer.send(
                        lines_of(source, body_max), from_line=from_line, progress=show
                    )
            except (MsgqError, KeyboardInterrupt):
                done = max(importer.line, from_line - 1)
                note(f"msgq: enqueued up to line {done}; go on with --from-line {done + 1}")
                raise
    if as_json:
        print_json({"file": file, "dry_run": dry_run, "enqueued": 0 if dry_run else count,
                    "checked": count})  # fmt: skip
    elif dry_run:
        print_text(f"{human_count(count)} dead letters in {file}, all good")
    else:
        print_text(f"{human_count(count)} messages enqueued from {file}")


@contextmanager
def _source(file: str) -> Iterator[IO[bytes]]:
    """The file; or all of stdin, put by, as it is read twice."""
    if file == STREAM:
        with tempfile.TemporaryFile() as spool:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.seek(0)
            yield spool
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise NotFoundError(f"cannot read {file}: {error.strerror}") from None
    with source:
        yield source


def register(group: typer.Typer) -> None:
    """Adds the commands to `msgq dead`."""
    group.command(epilog=_EXPORT)(export)
    group.command("import", epilog=_IMPORT)(import_dead)


_EXPORT = """Examples:

msgq dead export letters.jsonl emails

msgq dead export - --until 30d | gzip > old.jsonl.gz
"""
_IMPORT = """Examples:

msgq dead import letters.jsonl --queue emails

zcat old.jsonl.gz | msgq dead import -
"""
