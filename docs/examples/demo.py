"""What does Python's own standard library import? Two worker processes find out; one is killed.

Every .py file is a message. Workers parse files with `ast` and send what they found to a second
queue, where a batch handler of this process folds it into one census. In mid-work one worker gets
SIGKILL and another is started. Messages that the dead one held are delivered again, so the folding
is idempotent by the id of the file's message. The result is compared with a plain loop.

    python docs/examples/demo.py [--files N] [--messages N]

Exit status 1 when anything differs. --files takes a part of the library, --messages is for the
measurement of speed that follows, on SQLite alone. MSGQ_URL names another store to run on.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import msgq

# Worker processes inherit the URL; whoever sets it before chooses the store.
if "MSGQ_URL" not in os.environ:
    os.environ["MSGQ_URL"] = f"sqlite:///{tempfile.mkdtemp(prefix='msgq-demo-')}/census.db"
app = msgq.App()
console = Console()


@dataclass
class Findings:
    """What one file holds. `source` is the id of the message that named the file."""

    lines: int = 0
    definitions: int = 0
    imports: list[str] = field(default_factory=list)
    parses: bool = True
    source: str = ""
    attempt: int = 1


def survey(path: str) -> Findings:
    """Parse one file; a file that does not parse is a finding too."""
    text = Path(path).read_bytes()
    lines = text.count(b"\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return Findings(lines=lines, parses=False)
    found = Findings(lines=lines)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.definitions += 1
        elif isinstance(node, ast.Import):
            found.imports += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.imports.append(node.module.partition(".")[0])
    return found


@dataclass
class Census:
    """The sum of all findings."""

    files: int = 0
    lines: int = 0
    definitions: int = 0
    unparsed: int = 0
    imports: Counter[str] = field(default_factory=Counter)

    def add(self, found: Findings) -> None:
        """Count one file in."""
        self.files += 1
        self.lines += found.lines
        self.definitions += found.definitions
        self.unparsed += not found.parses
        self.imports.update(found.imports)


class Folding:
    """The census under way: each file's message counts once, however often it is delivered."""

    def __init__(self) -> None:
        self.census = Census()
        self.counted: Counter[str] = Counter()
        self.repeats = 0
        self.second_attempts = 0
        self._lock = threading.Lock()

    def fold(self, findings: list[Findings]) -> None:
        """Add what was not counted before."""
        with self._lock:
            for found in findings:
                self.second_attempts += found.attempt > 1
                if found.source in self.counted:
                    self.repeats += 1
                else:
                    self.counted[found.source] += 1
                    self.census.add(found)


folding = Folding()


@app.handler(queue="files", name="parse")
def parse(ctx: msgq.Context, path: str) -> None:
    """Parse a file and send what was found on; runs in the worker processes."""
    fold.enqueue(replace(survey(path), source=str(ctx.id), attempt=ctx.attempt))


@app.handler(queue="findings", name="fold", batch=msgq.Batch(max_size=100, max_wait="20ms"))
def fold(findings: list[Findings]) -> None:
    """Fold findings into the census; runs in this process."""
    folding.fold(findings)


def library_files() -> list[str]:
    """Every .py file of the standard library of this Python."""
    root = Path(sysconfig.get_path("stdlib"))
    files = root.rglob("*.py")
    return sorted(str(file) for file in files if "site-packages" not in file.parts)


def start_worker() -> subprocess.Popen[bytes]:
    """Start a worker process for the files."""
    command = [sys.executable, "-m", "msgq", "worker", "demo:app", "--queues", "files"]
    return subprocess.Popen(
        [*command, "--concurrency", "1", "--log-level", "warning"],
        cwd=Path(__file__).parent,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def two_workers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two worker processes, told to stop at the end; whoever replaces one keeps the list."""
    workers = [start_worker(), start_worker()]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(timeout=30)


def watch(workers: list[subprocess.Popen[bytes]], files: int) -> None:
    """Show progress until every file is counted; kill a worker at a third of the way."""
    columns = (TextColumn("parsing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    has_killed = False
    end = time.monotonic() + 300
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("files", total=files)
        while folding.census.files < files and time.monotonic() < end:
            progress.update(bar, completed=folding.census.files)
            if not has_killed and folding.census.files > files // 3:
                has_killed = True
                victim = workers.pop(0)
                victim.kill()
                victim.wait()
                workers.append(start_worker())
                progress.print(f"worker {victim.pid} killed with SIGKILL, another started")
            time.sleep(0.02)
        progress.update(bar, completed=folding.census.files)


def plain_loop(files: list[str]) -> Census:
    """Count the same files without any queue."""
    census = Census()
    for file in files:
        census.add(survey(file))
    return census


def show(census: Census) -> None:
    """Print the totals and the most imported modules."""
    table = Table("module", "imported", title="most imported modules")
    for name, count in census.imports.most_common(8):
        table.add_row(name, f"{count:,}")
    console.print(table)
    console.print(
        f"{census.files:,} files ({census.unparsed} do not parse), {census.lines:,} lines, "
        f"{census.definitions:,} definitions"
    )


def verify(sent: list[str], expected: Census) -> bool:
    """Compare with the plain loop and the ids that were sent; say what was found."""
    counted = folding.counted
    lost = set(sent) - set(counted)
    unexpected = set(counted) - set(sent)
    # Counted by what the census says, not by what Folding thinks it did.
    twice = folding.census.files - len(counted)
    is_same = folding.census == expected
    console.print(
        f"{folding.second_attempts} files were delivered again after the kill, "
        f"{folding.repeats} of them had been counted and were left out"
    )
    if lost or unexpected or twice or not is_same:
        console.print(f"[red]{len(lost)} lost, {len(unexpected)} unexpected, {twice} counted twice")
        console.print(f"plain loop: {expected.files} files; same totals: {is_same}")
        return False
    console.print("[green]0 lost, 0 counted twice; all totals equal those of a plain loop")
    return True


def run_census(files: list[str]) -> list[str]:
    """Run the whole census; gives the ids of the messages that were sent."""
    with app, app.worker(queues=["findings"], concurrency=1), two_workers() as workers:
        sent = parse.enqueue_many([(file,) for file in files])
        watch(workers, len(files))
        return [str(message_id) for message_id in sent.ids]


def main() -> int:
    """Census, check, speed; 0 only when everything is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=None)
    parser.add_argument("--messages", type=int, default=1_000_000)
    given = parser.parse_args()
    files = library_files()[: given.files]
    start = time.monotonic()
    sent = run_census(files)
    took = time.monotonic() - start
    show(folding.census)
    start = time.monotonic()
    expected = plain_loop(files)
    alone = time.monotonic() - start
    is_right = verify(sent, expected)
    console.print(f"{took:.1f} s with the queue and a killed worker, {alone:.1f} s in a plain loop")
    if app.transport != "sqlite":  # the ceiling beside it is bare SQLite
        console.print(f"speed is measured beside bare SQLite only, not on {app.config.url}")
        return 0 if is_right else 1
    command = [sys.executable, str(Path(__file__).with_name("speed.py")), str(given.messages)]
    speed = subprocess.run(command, check=False)
    return 0 if is_right and speed.returncode == 0 else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        store = Path(os.environ["MSGQ_URL"].removeprefix("sqlite:///"))
        if store.parent.name.startswith("msgq-demo-"):
            shutil.rmtree(store.parent, ignore_errors=True)
