"""app.run() owns the main thread's signals while it runs, and nothing else; K4 sends real ones."""

from __future__ import annotations

import signal
import threading

import msgq

BOTH = (signal.SIGTERM, signal.SIGINT)


def seen_by_a_handler(app: msgq.App) -> list[object]:
    """Runs the app for one message; gives the signal handlers that its handler saw."""
    seen: list[object] = []

    @app.handler(queue="q")
    def handler(n: int) -> None:
        seen.extend(signal.getsignal(each) for each in BOTH)

    handler.enqueue(1)
    assert app.run(burst=True) == 0
    return seen


def test_signal_handlers_are_put_back(app: msgq.App) -> None:
    before = [signal.getsignal(each) for each in BOTH]
    seen = seen_by_a_handler(app)
    assert not set(map(id, seen)) & set(map(id, before))
    assert [signal.getsignal(each) for each in BOTH] == before


def test_no_signal_is_touched_off_the_main_thread(app: msgq.App) -> None:
    before = [signal.getsignal(each) for each in BOTH]
    found: list[list[object]] = []
    elsewhere = threading.Thread(target=lambda: found.append(seen_by_a_handler(app)))
    elsewhere.start()
    elsewhere.join(20)
    assert found == [before]
