"""R16, five settings once more: each value lies far from that of profile "test".

Where both are alike a test passes as well when the setting has no effect.
"""

from __future__ import annotations

import threading
import time

import msgq
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp

SECONDS = 20.0
FAR_BELOW_THE_PROFILES = 4.0  # which waits 5 s, for each of these


def test_lease(make_app: MakeApp) -> None:
    queue = make_app(lease=0.2).queue("q")
    queue.enqueue(b"x")
    (first,) = queue.claim(1, wait=SECONDS)
    (again,) = queue.claim(1, wait=FAR_BELOW_THE_PROFILES)
    assert again.fence > first.fence


def seconds_to_leave(app: msgq.App, how: str) -> float:
    """How long a worker, or its app, waits for a handler that does not end."""
    started, release = threading.Event(), threading.Event()

    @app.handler(queue="q")
    def handler(n: int) -> None:
        started.set()
        assert release.wait(SECONDS)

    handler.enqueue(1)
    worker = app.worker().start()
    assert started.wait(SECONDS)
    began = time.monotonic()
    worker.stop() if how == "stop" else app.close()
    took = time.monotonic() - began
    release.set()
    return took


def test_grace(make_app: MakeApp) -> None:
    assert seconds_to_leave(make_app(grace=0.1), "stop") < FAR_BELOW_THE_PROFILES


def test_close_timeout(make_app: MakeApp) -> None:
    app = make_app(close_timeout=0.2, grace=30)
    assert seconds_to_leave(app, "close") < FAR_BELOW_THE_PROFILES


def test_claim_size(make_app: MakeApp) -> None:
    def claims(**settings: int) -> int:
        app = make_app(prefetch=500, **settings)
        fences: set[int] = set()

        @app.handler(queue="q", name="*")
        def handler(body: bytes, ctx: msgq.Context) -> None:
            fences.add(ctx.fence)

        app.queue("q").enqueue_many([b"x"] * 200)
        run_until_idle(app, timeout=SECONDS)
        return len(fences)

    assert claims(claim_size=5) >= 200 // 7  # half as much again is taken rather than cut
    assert claims() < 10


def test_unknown_delay_max(make_app: MakeApp) -> None:
    app = make_app(unknown_delay_max=30)
    app.handler(queue="q", name="known")(lambda: None)
    queue = app.queue("q")
    queue.enqueue(b"nobody's")
    with app.worker():
        while app.stats().traffic_of("q").snoozed == 0:
            assert app.is_open
    (parked,) = queue.peek()
    assert parked.due_at is not None
    assert parked.enqueued_at is not None
    assert (parked.due_at - parked.enqueued_at).total_seconds() > 0.9  # the profile allows 0.05
