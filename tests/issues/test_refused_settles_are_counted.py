"""`lost` counts the messages whose settle came too late.

It stayed at 0 just then: what had been decided in vain was taken for settled.
"""

import pytest

import msgq
from tests.support.stores import over_stores


@over_stores
def test_a_settle_after_the_lease_counts_as_lost(url: str) -> None:
    with msgq.connect(url, profile="test") as client:
        queue = client.queue("q")
        queue.enqueue(b"x")
        (late,) = queue.claim(1, wait=5, lease=0.1)
        (new,) = queue.claim(1, wait=10)
        with pytest.raises(msgq.LeaseLostError):
            late.ack()
        new.ack()
        traffic = client.stats().traffic_of("q")
        assert (traffic.claimed, traffic.lost, traffic.done) == (2, 1, 1)
