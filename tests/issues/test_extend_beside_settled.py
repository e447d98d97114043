"""A claim that two lanes gave: once one lane's share is settled, the rest can still be extended."""

from __future__ import annotations

import msgq
from tests.support.stores import over_stores

MINUTE_S = 60.0


def claim_two(queue: msgq.Queue) -> list[msgq.Delivery]:
    """One message that came back and one that did not, claimed in one call."""
    queue.enqueue(b"returned")
    (first,) = queue.claim(1, wait=5, lease=MINUTE_S)
    first.reject()
    queue.redrive(first.id)
    queue.enqueue(b"fresh")
    return queue.claim(2, wait=5, lease=MINUTE_S)


@over_stores
def test_what_is_left_of_a_claim_is_extended(url: str) -> None:
    with msgq.connect(url, profile="test") as client:
        returned, fresh = claim_two(client.queue("q"))
        assert returned.fence != fresh.fence
        returned.ack()
        fresh.extend(MINUTE_S)
        fresh.ack()
