"""Queues as things: paused, resumed; what is set of one, in every process."""

from __future__ import annotations

from typing import Any

import pytest

import msgq
import msgq.testing
from msgq.queue_settings import QueueSettings
from tests.support.stores import POSTGRES

SHARED = ["sqlite:///q.db", POSTGRES]


def test_a_paused_queue_takes_in_and_gives_nothing_out(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue_many([1, 2])
    held = queue.claim(wait=10)[0]
    queue.pause()
    queue.pause()
    queue.enqueue(3)
    assert queue.claim(10, wait=0.05) == []
    held.ack()
    depth = queue.depth()
    assert (depth.is_paused, depth.waiting, depth.done) == (True, 2, 1)
    assert any_app.stats().depth_of("q").is_paused
    queue.resume()
    assert not queue.settings().is_paused
    assert [each.value() for each in queue.claim(10, wait=10)] == [2, 3]


def test_handlers_get_nothing_of_it_and_a_worker_is_idle(any_app: msgq.App) -> None:
    seen: list[int] = []

    @any_app.handler(queue="q")
    def note(number: int) -> None:
        seen.append(number)

    @any_app.handler(queue="other")
    def go_on(number: int) -> None:
        seen.append(number)

    note.enqueue(1)
    any_app.queue("q").pause()
    go_on.enqueue(2)
    msgq.testing.run_until_idle(any_app)
    assert seen == [2]
    any_app.queue("q").resume()
    msgq.testing.run_until_idle(any_app)
    assert seen == [2, 1]


@pytest.mark.parametrize("store_url", SHARED, indirect=True)
def test_another_process_waits_and_goes_on(store_url: str, make_app: Any) -> None:
    one, two = make_app(store_url), make_app(store_url)
    queue = one.queue("q")
    queue.enqueue(1)
    queue.pause()
    assert two.queue("q").claim(wait=0.05) == []
    assert two.queue("q").settings() == QueueSettings(is_paused=True)
    one.close()
    assert make_app(store_url).queue("q").claim(wait=0.05) == [], "through restarts"
    two.queue("q").resume()
    assert two.queue("q").claim(wait=10)[0].value() == 1


@pytest.mark.parametrize("call", ["pause", "resume", "settings"])
def test_an_unknown_queue_is_refused(any_app: msgq.App, call: str) -> None:
    with pytest.raises(msgq.NotFoundError, match="no queue 'none'"):
        getattr(any_app.queue("none"), call)()
    assert any_app.queues() == []


def test_what_stores_nothing_cannot_pause(make_app: Any) -> None:
    with pytest.raises(msgq.UnsupportedError, match="sync"):
        make_app("sync://").queue("q").pause()
