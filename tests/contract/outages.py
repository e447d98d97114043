"""What holds of a store that no outage can reach, as it lives in its user's process."""

from __future__ import annotations

import pytest

import msgq

QUICK = {"enqueue_timeout": 0.5, "busy_timeout": 0.2, "connect_timeout": 1.0}
"""Settings of an app whose store is going away: it gives up soon."""
AWAY = (msgq.errors.StoreUnavailableError, msgq.errors.StoreInDoubtError)
"""What a call raises then: certainly not written, or not known to be."""


def expect_none_possible(app: msgq.App, name: str) -> None:
    """Such a store has no connection to lose, and the only end it has is told by a typed error."""
    queue = app.queue(name)
    queue.enqueue(b"x")
    figures = app.stats()
    assert (figures.connections.connects, figures.process.store_connections) == (0, 0)
    assert figures.store.flush_errors == 0
    app.close()
    with pytest.raises(msgq.ClosedError):
        queue.enqueue(b"x")


def expect_told_truly(error: BaseException, lost: bytes, found: list[bytes]) -> list[bytes]:
    """Certainly not written is certain; only what is in doubt may be there. Gives the others."""
    if isinstance(error, msgq.errors.StoreUnavailableError):
        assert lost not in found
    return [each for each in found if each != lost]
