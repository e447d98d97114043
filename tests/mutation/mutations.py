"""The table of planted faults: one guard of the protocol each, and the text that takes it out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """In the file `path`, `old` (found exactly once) becomes `new`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    """One fault: what it takes out, and how."""

    name: str
    guard: str
    edits: tuple[Edit, ...]


_SQLITE = "cpp/src/transport/sqlite"
_MEMORY = "cpp/src/transport/memory"
_READ_OPEN = "cpp/sql/sqlite/read_open_claim.sql"
_OPEN_KEY = "gen = ?3 and owner = ?4 and state = 0"

MUTATIONS = (
    Mutation(
        "sqlite-fence-state",
        "fence check: a lapsed claim settles",
        (Edit(_READ_OPEN, _OPEN_KEY, "gen = ?3 and owner = ?4"),),
    ),
    Mutation(
        "sqlite-fence-gen",
        "fence check: an older gen settles what came after it",
        (Edit(_READ_OPEN, _OPEN_KEY, "gen >= ?3 and ?4 > 0 and state = 0"),),
    ),
    Mutation(
        "memory-fence",
        "fence check: any gen settles an open claim",
        (
            Edit(
                f"{_MEMORY}/settle.cpp",
                "return found != state.open.end() && found->second.key == key ? found : "
                "state.open.end();",
                "return found != state.open.end() ? found : state.open.begin();",
            ),
        ),
    ),
    Mutation(
        "sqlite-extend-fence",
        "fence check: a lapsed lease is extended",
        (Edit("cpp/sql/sqlite/extend_claim.sql", " and state = 0", ""),),
    ),
    Mutation(
        "sqlite-attempt",
        "attempt write: a claim made again counts no attempt",
        (Edit(f"{_SQLITE}/claim.cpp", "++open.attempt;", ""),),
    ),
    Mutation(
        "memory-attempt",
        "attempt write: a claim counts no attempt",
        (Edit(f"{_MEMORY}/claim.cpp", "++range.attempt;", ""),),
    ),
    Mutation(
        "sqlite-owner-of-claim",
        "owner check: a stranger settles a claim",
        (Edit(_READ_OPEN, _OPEN_KEY, "gen = ?3 and ?4 > 0 and state = 0"),),
    ),
    Mutation(
        "sqlite-owner-closed",
        "owner check: a connection that was closed by others writes",
        (
            Edit(
                f"{_SQLITE}/store.cpp",
                "if (owner != 0 && state != OwnerState::kOpen)",
                "if (owner < 0 && state != OwnerState::kOpen)",
            ),
            Edit("cpp/sql/sqlite/raise_request.sql", " and is_closed = 0", ""),
        ),
    ),
    Mutation(
        "sqlite-flushed",
        "dedup of a resent flush: what was committed is denied",
        (
            Edit(
                f"{_SQLITE}/session.cpp",
                "last.is_known && last.request == request_ + 1",
                "last.is_known && last.request == request_ + 2",
            ),
        ),
    ),
    Mutation(
        "writer-flushed",
        "dedup of a resent flush: what happened is sent again",
        (
            Edit(
                "cpp/src/transport/writer.cpp",
                "if (session_->resolve(result_)) {",
                "if (session_->resolve(result_) && retry_at_ == kNever) {",
            ),
        ),
    ),
)
