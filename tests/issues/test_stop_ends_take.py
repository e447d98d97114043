"""A worker that stops lets go of its idle handler threads at once.

They sit in `take`, waiting for work, for up to a minute; stopping once left them there, turning
round and round until the grace time was over.
"""

import threading

import msgq

GRACE_S = 20.0


def test_idle_handler_threads_end_with_their_worker() -> None:
    app = msgq.App("memory://", concurrency=3)

    @app.handler(queue="q", name="handle")
    def handle(body: bytes) -> None: ...

    with app:
        others = set(threading.enumerate())
        worker = app.worker(grace=GRACE_S).start()
        stopping = threading.Thread(target=worker.stop, daemon=True)
        stopping.start()
        stopping.join(GRACE_S / 10)
        assert not stopping.is_alive()
        left = set(threading.enumerate()) - others
        assert not [t for t in left if t.name.startswith("msgq-handler")]
