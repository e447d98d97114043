"""How far a long command is: a bar on stderr once it takes longer than a second, on terminals."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from msgq.cli.output import human_count


@contextmanager
def progress(verb: str, show: bool) -> Iterator[Callable[[int], None]]:
    """Gives what to call with how many are `verb` (enqueued, ...) so far."""
    if not show or not sys.stderr.isatty():
        yield lambda _count: None
        return
    start = time.monotonic()
    with ExitStack() as stack:
        bar: list[Any] = []

        def advance(count: int) -> None:
            if not bar and time.monotonic() - start > 1.0:
                bar.append(stack.enter_context(_bar(verb)))
            if bar:
                rate = f"{human_count(count / (time.monotonic() - start))}/s"
                bar[0].update(0, completed=count, rate=rate)

        yield advance


def _bar(verb: str) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(verb + " {task.completed:,.0f}"),
        BarColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(verb, total=None, rate="")
    return bar
