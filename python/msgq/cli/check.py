"""`msgq check`: does msgq work here? URL, library, store, permissions, disk, round trip, wake."""

import os
import sqlite3
import stat
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import msgq
from msgq._engine import core
from msgq._sqlite_library import interpreter_library, is_same
from msgq.cli import check_postgres
from msgq.cli.exit_codes import Exit, ending_of
from msgq.cli.options import Json, Url
from msgq.cli.output import print_json, print_table, print_text
from msgq.config import Config, resolve
from msgq.errors import MsgqError

_FLUSHES: Final = 21
_FLUSH_SLOW_S: Final = 0.02
_WAKE_SLOW_S: Final = 0.25
_HEADER_BYTES: Final = 100


@dataclass(frozen=True)
class Finding:
    """One line of the answer. `next_step` says what to do when it is not well."""

    name: str
    is_well: bool
    detail: str
    next_step: str = ""


def check(
    deep: Annotated[
        bool, typer.Option("--deep", help="Count every message too; when nothing else runs.")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Check URL, library or server, store, permissions, disk flush time, round trip and wake path.

    Works in a queue of its own, which it removes. With --deep every message of every queue is
    counted and held against the figures: sent = waiting + parked + leased + done + dead + expired +
    cancelled + purged + quarantined. Exit status 1 when anything is wrong.
    """
    findings = []
    for where, name in _stores(url).items():
        own = list(_findings(where))
        if deep and all(finding.is_well for finding in own):
            own += _audits(where)
        findings += [replace(each, name=f"{name}{each.name}") for each in own]
    is_well = all(finding.is_well for finding in findings)
    if as_json:
        print_json({"ok": is_well, "checks": [asdict(finding) for finding in findings]})
    else:
        rows = [["ok" if f.is_well else "WRONG", f.name, f.detail] for f in findings]
        print_table(["", "check", "found"], rows)
        for finding in findings:
            if not finding.is_well and finding.next_step:
                print_text(f"{finding.name}: {finding.next_step}")
    if not is_well:
        raise typer.Exit(Exit.FAILED)


def _stores(url: str | None) -> dict[str | None, str]:
    """What to check, and how its lines begin: every transport, unless one is said."""
    names = resolve(url).urls
    return {url: ""} if url or len(names) == 1 else {name: f"{name}: " for name in names}


def _findings(url: str | None) -> Iterator[Finding]:
    settings = resolve(url)
    yield Finding("url", True, f"{settings.url} (from {_origin(url)})")
    if settings.url.scheme == "postgresql":
        yield from _of_postgres(url, settings)
        return
    if settings.url.scheme != "sqlite":
        yield _guarded("round trip", lambda: _round_trip(url))
        return
    path = Path(settings.url.path)
    yield library()
    yield header(path)
    yield permissions(path)
    yield _guarded("disk flush", lambda: _flush(path, settings))
    trip = _guarded("round trip", lambda: _round_trip(url))
    yield trip
    if trip.is_well:
        yield permissions(path, made=True)
        yield _guarded("wake", lambda: _wake(url))


def _audits(url: str | None) -> Iterator[Finding]:
    """Whether every message that was sent is still there, or known to have ended."""
    with msgq.connect(url) as client:
        for each in client.audit():
            name = f"messages of {each.queue}"
            detail = (
                f"{each.figures.sent:,} sent: {each.live:,} live, {each.dead:,} dead, "
                f"{each.ended:,} ended"
            )
            if not each.is_quiet:
                step = "stop its producers and workers, then check again"
                yield Finding(name, False, "changed while they were counted", step)
                continue
            step = "keep a copy of the store as it is, and report this"
            yield Finding(name, each.is_conserved, detail, step)


def _of_postgres(url: str | None, settings: Config) -> Iterator[Finding]:
    hears_hints = True
    try:
        for each in check_postgres.told(settings.core_options()):
            hears_hints = hears_hints and each.name != "pooler"
            yield Finding(*each)
    except MsgqError as error:
        yield Finding("server", False, str(error), ending_of(error).next_step)
        return
    trip = _guarded("round trip", lambda: _round_trip(url))
    yield trip
    if trip.is_well:
        yield _guarded("disk flush", lambda: _commit(url))
    if trip.is_well and hears_hints:
        yield _guarded("wake", lambda: _wake(url))


def _commit(url: str | None) -> Finding:
    """How long one durable message takes: mostly the flush of the server's disk."""
    with msgq.connect(url) as client:
        queue = client.queue(f"msgq-check-{uuid.uuid4().hex[:12]}")
        times = []
        for _ in range(_FLUSHES):
            start = time.perf_counter()
            queue.enqueue(b"check")
            times.append(time.perf_counter() - start)
        queue.delete()
    seconds = statistics.median(times)
    detail = f"one commit, network included, takes {seconds * 1e3:.2f} ms"
    slow = seconds > _FLUSH_SLOW_S
    return Finding("disk flush", not slow, detail, "enqueue_many and enqueue_later share a flush")


def _origin(url: str | None) -> str:
    return "--url or MSGQ_URL" if url else "settings"


def _guarded(name: str, probe: Callable[[], Finding]) -> Finding:
    try:
        return probe()
    except MsgqError as error:
        return Finding(name, False, str(error), ending_of(error).next_step)
    except OSError as error:
        return Finding(name, False, f"{error.filename}: {error.strerror}", "see the detail")


def library() -> Finding:
    """Whether msgq and Python's sqlite3 use one and the same SQLite library."""
    name = "sqlite library"
    own, other = core().sqlite_library(), interpreter_library()
    if is_same(own, other):
        return Finding(name, True, f"SQLite {sqlite3.sqlite_version}, shared: {own}")
    text = "never import sqlite3 where msgq is used, or use a Python with the system's library"
    return Finding(name, False, f"msgq uses {own}, Python's sqlite3 {other}", text)


def header(path: Path) -> Finding:
    """What the first bytes of the file say: a SQLite file, of which program and which version."""
    name = "store file"
    if not path.exists():
        return Finding(name, True, f"{path} is not there yet; it will be made")
    try:
        with path.open("rb") as file:  # not open in SQLite yet: closing it drops no lock
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        return Finding(name, False, f"{path}: {error.strerror}", "run as the user who owns it")
    if head and not head.startswith(b"SQLite format 3\0"):
        return Finding(name, False, f"{path} is no SQLite file", "name another file in the URL")
    version = int.from_bytes(head[60:64], "big")
    program = head[68:72].decode("latin-1")
    return Finding(name, True, f"{path}, schema version {version}, application id {program!r}")


def permissions(path: Path, *, made: bool = False) -> Finding:
    """Whether the file and its folder can be written, and nobody else reads the messages."""
    name = "permissions" if not made else "file mode"
    folder = path.parent
    if not folder.is_dir():
        return Finding(name, False, f"no folder {folder}", f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        text = "SQLite makes its side files beside the store; allow writing there"
        return Finding(name, False, f"{folder} cannot be written", text)
    if not path.exists():
        return Finding(name, True, f"{folder} can be written")
    mode = stat.S_IMODE(path.stat().st_mode)
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding(name, False, f"{path} has mode {mode:04o}", f"chmod 0600 {path}")
    if mode & 0o077:
        detail = f"{path} has mode {mode:04o}: others can read the messages"
        return Finding(name, False, detail, f"chmod 0600 {path}")
    return Finding(name, True, f"mode {mode:04o}")


def flush_seconds(folder: Path) -> float:
    """The median time to bring 4 KiB to the disk under `folder`, in seconds."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".msgq-check-") as file:
        for _ in range(_FLUSHES):
            start = time.perf_counter()
            os.pwrite(file.fileno(), os.urandom(4096), 0)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def _flush(path: Path, settings: Config) -> Finding:
    seconds = flush_seconds(path.parent)
    rate = 1 / seconds
    detail = f"{seconds * 1e3:.2f} ms, so at most {rate:,.0f} commits a second"
    if settings["durability"] == "os":
        detail += "; durability=os does not wait for it"
    slow = seconds > _FLUSH_SLOW_S
    return Finding("disk flush", not slow, detail, "enqueue_many and enqueue_later share a flush")


def _round_trip(url: str | None) -> Finding:
    with msgq.connect(url) as client:
        queue = client.queue(f"msgq-check-{uuid.uuid4().hex[:12]}")
        start = time.perf_counter()
        receipt = queue.enqueue(b"check")
        stored = time.perf_counter()
        deliveries = queue.claim(1, wait=5.0)
        for delivery in deliveries:
            delivery.ack()
        end = time.perf_counter()
        queue.delete()
    is_well = [delivery.id for delivery in deliveries] == [receipt.id]
    detail = f"enqueue {(stored - start) * 1e3:.2f} ms, claim and ack {(end - stored) * 1e3:.2f} ms"
    return Finding("round trip", is_well, detail, "the message did not come back; report this")


_CHILD: Final = """
import sys, msgq
with msgq.connect(sys.stdin.readline().strip() or None) as client:
    queue = client.queue(sys.argv[1])
    for line in sys.stdin:
        queue.enqueue(line.encode())
        print("sent", flush=True)
"""


def _wake(url: str | None) -> Finding:
    """How soon a waiting claim hears of a message that another process enqueues."""
    name = f"msgq-check-{uuid.uuid4().hex[:12]}"
    command = [sys.executable, "-c", _CHILD, name]
    with (
        msgq.connect(url) as client,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdin is not None
        child.stdin.write(f"{url or ''}\n".encode())  # no argument: others may read those
        queue = client.queue(name)
        times = [_woken_after(queue, child) for _ in range(4)]
        child.stdin.close()
        queue.delete()
    slowest = max(times[1:])  # the first includes the child's start
    detail = f"another process is heard after {statistics.median(times[1:]) * 1e3:.1f} ms"
    return Finding(
        "wake", slowest < _WAKE_SLOW_S, detail, "hints are lost; polling still finds work"
    )


def _woken_after(queue: Any, child: "subprocess.Popen[bytes]") -> float:
    assert child.stdin is not None
    start = time.perf_counter()
    child.stdin.write(b"wake\n")
    child.stdin.flush()
    deliveries = queue.claim(1, wait=10.0)
    seconds = time.perf_counter() - start
    for delivery in deliveries:
        delivery.ack()
    return seconds if deliveries else float("inf")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command(epilog="Example: msgq check --url sqlite:///shop.db")(check)
