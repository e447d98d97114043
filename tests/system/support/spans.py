"""What a history says about time: how long leases were held, how soon work came back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.oracle.history import History

SECOND_NS = 1_000_000_000


def oldest_lease_s(history: History) -> float:
    """The longest time from a delivery to its settling call, or to the end of who held it."""
    settled: dict[tuple[str, str], int] = {}
    for settle in history.settles:
        settled.setdefault((settle.id, settle.lease), settle.called_ns)
    last = max((each.seen_ns for each in history.deliveries), default=0)
    longest = 0
    for each in history.deliveries:
        gone = history.ended_ns.get(each.client, last)
        longest = max(longest, min(settled.get((each.id, each.lease), gone), gone) - each.seen_ns)
    return longest / SECOND_NS


def comebacks_s(history: History) -> Iterator[float]:
    """For each delivery whose process was killed: seconds from the kill to the next delivery."""
    for deliveries in history.deliveries_by_id().values():
        for earlier, later in pairwise(deliveries):
            if earlier.client in history.ended_ns:
                yield max(0, later.seen_ns - history.ended_ns[earlier.client]) / SECOND_NS
