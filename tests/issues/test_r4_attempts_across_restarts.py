"""R4: a handler that always fails runs exactly max_attempts times, restarts included; dead once."""

from __future__ import annotations

import msgq


def test_attempts_are_counted_across_restarts() -> None:
    ran: list[int] = []

    def once_more() -> msgq.App:
        app = msgq.App("sqlite:///q.db", profile="test")

        @app.handler(queue="q", name="h", retry=msgq.RetryPolicy(5, base="50ms", jitter=0))
        def handler(n: int) -> None:
            ran.append(n)
            raise ValueError(f"attempt {len(ran)}")

        return app

    with once_more() as app:
        app.handlers["h"].enqueue(1)
    for wanted in range(1, 6):
        with once_more() as app, app.worker():
            while len(ran) < wanted:
                assert app.is_open
    with once_more() as app, app.worker() as worker:
        while not app.queue("q").dead():
            assert worker.is_running
        worker.run_until_idle(10)
        (dead,) = app.queue("q").dead()
        assert len(ran) == 5
        assert dead.failures == 5
        assert [each["text"] for each in dead.history] == [f"attempt {n}" for n in range(1, 6)]
        assert app.queue("q").depth().depth == 0
