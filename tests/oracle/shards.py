"""Judging millions of messages in bounded memory: shard by shard, each with whole messages.

Lines of a message go to the shard that its id names; what is said of clients goes to every one.
What is said of the queue as a whole (depths) is checked against the sums. Only I7 is not judged: it
compares messages with each other.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from tests.oracle.accounting import NOTHING
from tests.oracle.event import Event, HistoryError, from_line
from tests.oracle.history import History, merge
from tests.oracle.invariants import check_depth, check_empty_end
from tests.oracle.verdict import Limits, Verdict, Violation, bounds_passed, judge

_ID = re.compile(rb'"op":"(\w+)","id":"([^"]*)"')
_SEQ = re.compile(rb'"seq":(\d+)')
LINES_EACH = 400_000


def shards_of(folder: Path) -> int:
    """How many shards keep each within about half a gigabyte of memory."""
    size = sum(path.stat().st_size for path in folder.glob("*.history"))
    return 1 + size // (200 * LINES_EACH)


def histories_in_shards(folder: Path) -> Iterator[History]:
    """Gives the history of each shard in turn; raises HistoryError as read_histories does."""
    count = shards_of(folder)
    place = folder / "shards"
    place.mkdir()
    try:
        with contextlib.ExitStack() as stack:
            parts: list[BinaryIO] = [
                stack.enter_context((place / str(number)).open("wb", 1 << 16))
                for number in range(count)
            ]
            for path in sorted(folder.glob("*.history")):
                _split(path, parts)
        for number in range(count):
            lines = (place / str(number)).read_bytes().splitlines()
            yield merge(from_line(line) for line in lines)
    finally:
        shutil.rmtree(place)


def _split(path: Path, parts: list[BinaryIO]) -> None:
    with path.open("rb") as file:
        for expected, line in enumerate(file):
            if not line.endswith(b"\n"):
                return  # the last one, cut off by a kill
            seq = _SEQ.search(line)
            if seq is None or int(seq[1]) != expected:
                raise HistoryError(f"{path.name}: line {expected} is {line[:80]!r}")
            found = _ID.search(line)
            if found is None:
                for part in parts:
                    part.write(line)
            else:
                parts[zlib.crc32(found[2]) % len(parts)].write(line)


def judge_in_shards(histories: Iterable[History], limits: Limits) -> Verdict:
    """Judge as `judge` does, one shard after the other, bounds and depths against the sums.

    Depths must have been looked at after the last send.
    """
    assert limits.dedup_window_ms is None, "I7 needs the whole history"
    each_limits = replace(limits, duplicated_max=None, recovered_max=None, needs_empty_end=False)
    sums = NOTHING
    found: list[Violation] = []
    depths: list[Event] = []
    sure = may_be = 0
    for history in histories:
        depths, history.depths = history.depths, []
        verdict = judge(history, each_limits)
        sums += verdict.accounting
        found += verdict.violations
        sure += sum(send.outcome == "ok" for send in history.sends)
        may_be += sum(send.outcome in ("ok", "unknown") for send in history.sends)
    found += bounds_passed(sums, limits)
    for depth in depths:
        found += check_depth(depth, sure, may_be)
    if limits.needs_empty_end:
        found += check_empty_end(depths)
    return Verdict(sums, tuple(found))
