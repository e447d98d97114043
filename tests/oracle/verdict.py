"""The verdict: the four numbers, the invariants that history shows, and the limits of a run."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.accounting import Accounting, account
from tests.oracle.history import History


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run allows. None means: not limited here. Times in ms."""

    duplicated_max: int | None = None
    recovered_max: int | None = None
    attempts_max: int | None = None
    due_slack_ms: int | None = None
    stale_ms: int | None = None
    dedup_window_ms: int | None = None
    settles_are_durable: bool = True
    needs_empty_end: bool = False
    needs_settled: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: which invariant, of which message, and what was seen."""

    invariant: str
    id: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.id or '-'}: {self.text}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the oracle says. `is_good` only when nothing at all was found."""

    accounting: Accounting
    violations: tuple[Violation, ...]

    @property
    def is_good(self) -> bool:
        return not self.violations

    def text(self, shown_max: int = 20) -> str:
        """Give counts, the four numbers and the first violations, as lines."""
        sums = self.accounting
        lines = [
            f"attempted {sums.attempted}, acknowledged {sums.acknowledged}, "
            f"received {sums.received}, ok {sums.ok}",
            sums.line(),
        ]
        lines += [str(violation) for violation in self.violations[:shown_max]]
        if len(self.violations) > shown_max:
            lines.append(f"... and {len(self.violations) - shown_max} more")
        return "\n".join(lines)

    def require_good(self) -> Verdict:
        """Give itself back, or raise AssertionError with the whole text."""
        if self.violations:
            raise AssertionError(self.text())
        return self


def bounds_passed(sums: Accounting, limits: Limits) -> list[Violation]:
    """More duplicates or recovered sends than the faults of the run can explain."""
    return [
        Violation("bound", "", f"{count} {name}, at most {bound} are honest")
        for name, count, bound in (
            ("duplicated", sums.duplicated, limits.duplicated_max),
            ("recovered", sums.recovered, limits.recovered_max),
        )
        if bound is not None and count > bound
    ]


def judge(history: History, limits: Limits | None = None) -> Verdict:
    """Judge a drained run: accounting first, then every invariant that the history can show."""
    from tests.oracle.invariants import CHECKS

    limits = limits or Limits()
    sums = account(history)
    found = [
        Violation("I1", message, "lost: acknowledged, never received") for message in sums.lost
    ]
    found += [
        Violation("I1", message, "unexpected: received, never sent") for message in sums.unexpected
    ]
    found += [
        Violation("I1", message, "stored more often than it was sent") for message in sums.resent
    ]
    found += bounds_passed(sums, limits)
    for check in CHECKS:
        found += check(history, limits)
    return Verdict(sums, tuple(found))
