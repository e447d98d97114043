"""The invariants I2, I3, I5, I6, I7, I8 of a history, and how late a message became visible.

Each check is sound: it speaks only when the recorded intervals leave no innocent explanation, so a
slow recorder never raises a false alarm. A claim lies between `since_ns` and `seen_ns`; a settle
takes effect between its call and its answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.oracle.event import Event
from tests.oracle.history import Delivery, History, Send, Settle
from tests.oracle.verdict import Limits, Violation

# Where a stored message can be; what is not settled comes first.
_LEFT = ("waiting", "parked", "leased")
_PARTS = (*_LEFT, "done", "dead", "expired", "purged", "cancelled", "quarantined")


def check_payload(history: History, limits: Limits) -> Iterator[Violation]:
    """I2: what arrived is byte-equal to what was sent."""
    sums: dict[str, set[str]] = {}
    for send in history.sends:
        sums.setdefault(send.id, set()).add(send.checksum)
    for delivery in history.deliveries:
        sent = sums.get(delivery.id, set()) - {""}
        if sent and delivery.checksum not in sent:
            yield Violation("I2", delivery.id, f"checksum {delivery.checksum}, sent {sent}")


def check_leases(history: History, limits: Limits) -> Iterator[Violation]:
    """I3: one valid lease at a time; a superseded one settles nothing."""
    settles = history.settles_by_id()
    for message, deliveries in history.deliveries_by_id().items():
        of_message = settles.get(message, [])
        for earlier, later in _different_leases(deliveries):
            end = _lease_end(history, of_message, earlier)
            if earlier.seen_ns < later.since_ns and later.seen_ns < end:
                yield Violation(
                    "I3", message, f"lease {later.lease} while {earlier.lease} was valid"
                )
        yield from _check_superseded(deliveries, of_message)
        yield from _check_settled_once(deliveries, of_message, limits)


def _different_leases(deliveries: list[Delivery]) -> Iterator[tuple[Delivery, Delivery]]:
    for at, earlier in enumerate(deliveries):
        for later in deliveries[at + 1 :]:
            if earlier.lease != later.lease:
                yield earlier, later


def _lease_end(history: History, settles: list[Settle], delivery: Delivery) -> int:
    """When the lease may have ended at the earliest: settle called, time up, client gone."""
    until = delivery.until_ns
    for extend in history.extends:
        if extend.id == delivery.id and extend.lease == delivery.lease:
            until = max(until, int(extend.detail.get("until_ns", until)))
    called = [s.called_ns for s in settles if s.lease == delivery.lease]
    ended = history.ended_ns.get(delivery.client)
    return min([until, *called, *([ended] if ended is not None else [])])


def _check_superseded(deliveries: list[Delivery], settles: list[Settle]) -> Iterator[Violation]:
    first_seen: dict[str, int] = {}
    for delivery in deliveries:
        first_seen.setdefault(delivery.lease, delivery.seen_ns)
    for settle in settles:
        mine = first_seen.get(settle.lease)
        if mine is None:
            if settle.outcome == "ok":
                yield Violation("I3", settle.id, f"settle under unknown lease {settle.lease}")
            continue
        newer = [d for d in deliveries if d.lease != settle.lease and d.since_ns > mine]
        if settle.outcome == "ok" and any(d.seen_ns < settle.called_ns for d in newer):
            yield Violation("I3", settle.id, f"settle under superseded lease {settle.lease}")


def _check_settled_once(
    deliveries: list[Delivery], settles: list[Settle], limits: Limits
) -> Iterator[Violation]:
    final = [settle for settle in settles if settle.is_final and settle.outcome == "ok"]
    if len(final) > 1:
        yield Violation("I3", final[0].id, f"settled for good {len(final)} times")
    if final and limits.settles_are_durable:
        done = min(settle.returned_ns for settle in final)
        for delivery in deliveries:
            if delivery.since_ns > done:
                yield Violation("I3", delivery.id, "handed out again after it was settled")


def check_attempts(history: History, limits: Limits) -> Iterator[Violation]:
    """I5: attempts rise with each delivery, stay below the limit; who passes it is dead, once."""
    for message, deliveries in history.deliveries_by_id().items():
        counts = Counter(delivery.attempt for delivery in deliveries)
        for attempt, count in counts.items():
            if count > 1:
                yield Violation("I5", message, f"attempt {attempt} was handed out {count} times")
        for earlier, later in pairwise(deliveries):
            if earlier.seen_ns < later.since_ns and later.attempt < earlier.attempt:
                yield Violation("I5", message, f"attempt {later.attempt} after {earlier.attempt}")
        if limits.attempts_max is not None and max(counts) > limits.attempts_max:
            yield Violation(
                "I5", message, f"attempt {max(counts)} of at most {limits.attempts_max}"
            )
    for message, count in Counter(history.dead).items():
        if count > 1:
            yield Violation("I5", message, f"dead-lettered {count} times")
    if history.dead_scanned:
        yield from _check_dead(history, limits)


def _check_dead(history: History, limits: Limits) -> Iterator[Violation]:
    """Who was rejected, or failed at the last attempt, must be found among the dead letters."""
    dead = set(history.dead) | history.removed
    last = {(d.id, d.lease): d.attempt for d in history.deliveries}
    for settle in history.settles:
        if settle.outcome != "ok":
            continue
        spent = settle.verdict == "retry" and limits.attempts_max is not None
        if spent:
            spent = last.get((settle.id, settle.lease), 0) >= (limits.attempts_max or 0)
        if (spent or settle.verdict == "reject") and settle.id not in dead:
            yield Violation("I5", settle.id, "given up on, but not among the dead letters")
        if settle.verdict == "ack" and settle.id in history.dead:
            yield Violation("I5", settle.id, "acknowledged, and dead-lettered too")


def check_due(history: History, limits: Limits) -> Iterator[Violation]:
    """I6: never before its due time; within the stated slack after it."""
    by_id = history.deliveries_by_id()
    for send in history.sends:
        deliveries = by_id.get(send.id, [])
        if send.due_ms and deliveries:
            yield from _check_due(deliveries[0], send.due_ms, limits)
    for settle in history.settles:
        if settle.due_ms and not settle.is_final and settle.outcome == "ok":
            after = [d for d in by_id.get(settle.id, []) if d.since_ns > settle.returned_ns]
            if after:
                yield from _check_due(after[0], settle.due_ms, limits)


def _check_due(delivery: Delivery, due_ms: int, limits: Limits) -> Iterator[Violation]:
    late = delivery.seen_ms - due_ms
    if late < 0:
        yield Violation("I6", delivery.id, f"delivered {-late} ms before it was due")
    if limits.due_slack_ms is not None and late > limits.due_slack_ms:
        yield Violation("I6", delivery.id, f"delivered {late} ms after it was due")


def check_dedup(history: History, limits: Limits) -> Iterator[Violation]:
    """I7: inside the window one accepted identifier is one stored message."""
    if limits.dedup_window_ms is None:
        return
    received = {delivery.id for delivery in history.deliveries} | set(history.dead)
    groups: dict[str, list[Send]] = {}
    for send in history.sends:
        if send.dedup:
            groups.setdefault(send.dedup, []).append(send)
    for dedup, sends in groups.items():
        if sends[-1].called_ms - sends[0].called_ms > limits.dedup_window_ms:
            continue
        stored = {send.id for send in sends if send.outcome == "ok" or send.id in received}
        if len(stored) > 1:
            yield Violation("I7", dedup, f"{len(stored)} messages stored for one identifier")
        if stored and any(send.outcome == "failed" for send in sends[1:]):
            yield Violation("I7", dedup, "a duplicate was answered with an error")


def check_conservation(history: History, limits: Limits) -> Iterator[Violation]:
    """I8: at every quiescent point what was sent is somewhere, and nowhere twice."""
    for depth in history.depths:
        before = [send for send in history.sends if send.called_ns < depth.mono_ns]
        sure = sum(send.outcome == "ok" and send.returned_ns < depth.mono_ns for send in before)
        may_be = sum(send.outcome in ("ok", "unknown") for send in before)
        yield from check_depth(depth, sure, may_be)
    if limits.needs_empty_end:
        yield from check_empty_end(history.depths)


def check_depth(depth: Event, sure: int, may_be: int) -> Iterator[Violation]:
    """I8 of one look: so many messages are there for certain, and so many at most."""
    counts = {name: int(depth.detail.get(name, 0)) for name in ("sent", *_PARTS)}
    whole = sum(counts[name] for name in _PARTS)
    if counts["sent"] != whole:
        yield Violation("I8", "", f"sent {counts['sent']}, but the parts sum up to {whole}")
    if not sure <= counts["sent"] <= may_be:
        yield Violation("I8", "", f"sent {counts['sent']}, history says {sure} to {may_be}")


def check_empty_end(depths: list[Event]) -> Iterator[Violation]:
    """I8 of the last look: nothing is left."""
    if not depths:
        yield Violation("I8", "", "no look at the queue after the drain")
        return
    last = depths[-1].detail
    left = {name: last.get(name, 0) for name in _LEFT if last.get(name, 0)}
    if left:
        yield Violation("I8", "", f"not empty after the drain: {left}")


def check_settled(history: History, limits: Limits) -> Iterator[Violation]:
    """Every delivered message was settled for good in the end, or stands among the dead letters."""
    if not limits.needs_settled:
        return
    done = {s.id for s in history.settles if s.is_final and s.outcome in ("ok", "unknown")}
    for message in history.deliveries_by_id():
        if message not in done and message not in history.dead and message not in history.removed:
            yield Violation("settled", message, "delivered, never settled for good")


def check_stale(history: History, limits: Limits) -> Iterator[Violation]:
    """Liveness: an acknowledged message that is due becomes visible within the stated time."""
    if limits.stale_ms is None:
        return
    first = {message: deliveries[0] for message, deliveries in history.deliveries_by_id().items()}
    for send in history.sends:
        seen = first.get(send.id)
        if seen is not None and send.outcome == "ok":
            late = seen.seen_ms - max(send.returned_ms, send.due_ms)
            if late > limits.stale_ms:
                yield Violation("stale", send.id, f"first seen {late} ms after it could be")


CHECKS: tuple[Callable[[History, Limits], Iterator[Violation]], ...] = (
    check_payload,
    check_leases,
    check_attempts,
    check_due,
    check_dedup,
    check_conservation,
    check_settled,
    check_stale,
)
