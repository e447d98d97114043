"""Merged histories: calls joined with their answers, in the order of one machine's clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracle.event import Event, HistoryError, from_line

_NEVER_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Send:
    """One send: acknowledged when `outcome` is ok; unknown when no answer was written."""

    id: str
    client: str
    called_ns: int
    returned_ns: int
    returned_ms: int
    outcome: str
    checksum: str
    due_ms: int
    dedup: str
    called_ms: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One observed processing. The claim happened between `since_ns` and `seen_ns`.

    `stored` is the store's own id of the message, where the client told it.
    """

    id: str
    client: str
    since_ns: int
    seen_ns: int
    seen_ms: int
    attempt: int
    lease: str
    checksum: str
    until_ns: int
    stored: str


@dataclass(frozen=True, slots=True)
class Settle:
    """One settle. Verdict: ack, retry, snooze or reject; `due_ms` for what comes back later."""

    id: str
    client: str
    lease: str
    verdict: str
    called_ns: int
    returned_ns: int
    outcome: str
    due_ms: int

    @property
    def is_final(self) -> bool:
        return self.verdict in ("ack", "reject")


@dataclass(slots=True)
class History:
    """Everything that happened, sorted by time. Plain data; the checks only read it."""

    sends: list[Send] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    settles: list[Settle] = field(default_factory=list)
    extends: list[Event] = field(default_factory=list)
    depths: list[Event] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    ended_ns: dict[str, int] = field(default_factory=dict)
    dead_scanned: bool = False
    broken_lines: int = 0

    def deliveries_by_id(self) -> dict[str, list[Delivery]]:
        """Group deliveries by message, each list in the order of being seen."""
        groups: dict[str, list[Delivery]] = {}
        for delivery in self.deliveries:
            groups.setdefault(delivery.id, []).append(delivery)
        return groups

    def settles_by_id(self) -> dict[str, list[Settle]]:
        """Group settles by message, each list in the order of being called."""
        groups: dict[str, list[Settle]] = {}
        for settle in self.settles:
            groups.setdefault(settle.id, []).append(settle)
        return groups


def read_histories(folder: Path) -> History:
    """Read and merge every *.history file of a folder; only a last line may be broken."""
    events: list[Event] = []
    broken = 0
    for path in sorted(folder.glob("*.history")):
        read, was_cut = read_client(path)
        events += read
        broken += was_cut
    history = merge(events)
    history.broken_lines = broken
    return history


def read_client(path: Path) -> tuple[list[Event], bool]:
    """Read one client's file: its events, and whether the last line was cut off by a kill."""
    *whole, rest = path.read_bytes().split(b"\n")
    events = [from_line(line) for line in whole]
    for expected, event in enumerate(events):
        if event.seq != expected:
            raise HistoryError(f"{path.name}: line {expected} says it is line {event.seq}")
    return events, rest != b""


def merge(events: Iterable[Event]) -> History:
    """Join calls with their answers and sort; raises HistoryError on an answer without a call."""
    ordered = sorted(events, key=lambda event: (event.mono_ns, event.client, event.seq))
    answers = {(e.client, e.call): e for e in ordered if e.phase == "return"}
    calls = {(e.client, e.seq) for e in ordered if e.phase == "call"}
    for key in answers:
        if key not in calls:
            raise HistoryError(f"{key[0]}: an answer to call {key[1]}, which was never made")
    history = History()
    for event in ordered:
        if event.phase == "call":
            _take_call(history, event, answers.get((event.client, event.seq)))
        elif event.phase == "note":
            _take_note(history, event)
    return history


def _take_call(history: History, call: Event, answer: Event | None) -> None:
    if call.op == "send":
        history.sends.append(_send(call, answer))
    elif call.op == "settle":
        history.settles.append(_settle(call, answer))
    elif call.op == "extend" and answer is not None and answer.outcome == "ok":
        history.extends.append(answer)
    elif call.op == "remove" and (answer is None or answer.outcome in ("ok", "unknown")):
        history.removed.add(call.id)


def _take_note(history: History, note: Event) -> None:
    if note.op == "receive":
        history.deliveries.append(_delivery(note))
    elif note.op == "depth":
        history.depths.append(note)
    elif note.op == "dead":
        history.dead.append(note.id)
    elif note.op == "scanned":
        history.dead_scanned = True
    elif note.op in ("kill", "pause", "close"):
        client = str(note.detail.get("target", note.client))
        history.ended_ns[client] = min(history.ended_ns.get(client, _NEVER_NS), note.mono_ns)


def _send(call: Event, answer: Event | None) -> Send:
    # Ids may be known only when the answer came; a call that named one keeps it.
    return Send(
        id=call.id or (answer.id if answer else ""),
        client=call.client,
        called_ns=call.mono_ns,
        returned_ns=answer.mono_ns if answer else _NEVER_NS,
        returned_ms=answer.wall_ms if answer else 0,
        outcome=answer.outcome if answer else "unknown",
        checksum=call.checksum,
        due_ms=_int(call.detail, "due_ms", 0),
        dedup=str(call.detail.get("dedup", "")),
        called_ms=call.wall_ms,
    )


def _settle(call: Event, answer: Event | None) -> Settle:
    return Settle(
        id=call.id,
        client=call.client,
        lease=call.lease,
        verdict=str(call.detail["verdict"]),
        called_ns=call.mono_ns,
        returned_ns=answer.mono_ns if answer else _NEVER_NS,
        outcome=answer.outcome if answer else "unknown",
        due_ms=_int(call.detail, "due_ms", 0),
    )


def _delivery(note: Event) -> Delivery:
    return Delivery(
        id=note.id,
        client=note.client,
        since_ns=_int(note.detail, "since_ns", note.mono_ns),
        seen_ns=note.mono_ns,
        seen_ms=note.wall_ms,
        attempt=note.attempt,
        lease=note.lease,
        checksum=note.checksum,
        until_ns=_int(note.detail, "until_ns", _NEVER_NS),
        stored=str(note.detail.get("stored", "")),
    )


def _int(detail: Mapping[str, Any], name: str, default: int) -> int:
    return int(detail.get(name, default))
