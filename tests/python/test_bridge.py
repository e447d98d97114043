"""An event loop's way down: never blocked, one parcel a turn, pushed back by policy."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

import msgq
from msgq._bridge import Bridge
from tests.python.conftest import MakeApp

if TYPE_CHECKING:
    from msgq._core import Engine


def test_what_is_awaited_in_one_turn_is_written_together(any_app: msgq.App) -> None:
    queue = any_app.queue("q")

    async def main() -> None:
        await asyncio.gather(*[queue.aenqueue(b"x") for _ in range(5000)])

    asyncio.run(main())
    stats = any_app.stats()
    assert stats.traffic_of("q").persisted == 5000
    assert stats.store.blocks <= 50


def test_order_is_kept_across_turns_and_groups(any_app: msgq.App) -> None:
    queue = any_app.queue("q")

    async def main() -> None:
        tasks = []
        for n in range(50):
            tasks.append(asyncio.ensure_future(queue.aenqueue(n)))
            if n % 7 == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert [each.value() for each in queue.peek(100)] == list(range(50))


def test_a_full_intake_holds_back_tasks_and_not_the_loop(make_app: MakeApp) -> None:
    queue = make_app(store_count_max=100, overflow_wait=30).queue("q")

    async def main() -> None:
        tasks = [asyncio.ensure_future(queue.aenqueue(n)) for n in range(300)]
        done = 0
        while done < 300:  # the loop goes on claiming while tasks wait for room
            for each in await queue.aclaim(100, wait=0.2):
                await each.aack()
                done += 1
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert queue.depth().done == 300


@pytest.mark.parametrize("overflow", ["block", "raise"])
def test_no_room_in_time_is_an_error(make_app: MakeApp, overflow: str) -> None:
    app = make_app(store_count_max=10, overflow=overflow, overflow_wait=0.2)
    queue = app.queue("q")
    queue.enqueue_many([b"x"] * 10)

    async def main() -> None:
        begin = time.monotonic()
        with pytest.raises(msgq.QueueFullError):
            await queue.aenqueue(b"x")
        with pytest.raises(msgq.QueueFullError):
            await queue.aenqueue_many([b"x", b"y"])
        assert time.monotonic() - begin < 10

    asyncio.run(main())
    assert queue.depth().waiting == 10


def test_a_bad_message_does_not_let_others_overtake(make_app: MakeApp) -> None:
    """What finds no room behind it is sent next, before what came later: a key keeps its order."""
    config = make_app().config
    sent: list[bytes] = []
    full = [b"2"]  # finds no room the first time
    is_over = asyncio.Event()

    class Refusing:
        def try_enqueue(self, *call: Any) -> Any:
            bodies = call[3]
            if b"bad" in bodies:
                raise msgq.PayloadError("bad")
            if bodies[0] in full:
                return full.remove(bodies[0])
            sent.extend(bodies)
            if b"later" in sent and b"2" in sent:
                is_over.set()
            return SimpleNamespace(notify=lambda _waker, _token: None)

    async def main() -> None:
        bridge = Bridge(cast("Engine", Refusing()), config)
        first, second = ("q", "", 0, 0, (5, 0, "a", b"", 0)), ("q", "", 0, 0, (5, 0, "b", b"", 0))
        futures = [bridge.put(first, each, None) for each in (b"1", b"bad", b"2", b"3")]
        bridge.put(second, b"later", None)
        with pytest.raises(msgq.PayloadError):
            await futures[1]
        await is_over.wait()
        assert sent == [b"1", b"2", b"3", b"later"]

    asyncio.run(main())


def test_a_task_that_is_cancelled_hurts_no_other(any_app: msgq.App) -> None:
    queue = any_app.queue("q")

    async def main() -> None:
        first = asyncio.ensure_future(queue.aenqueue(b"1"))
        second = asyncio.ensure_future(queue.aenqueue(b"2"))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status == "persisted"

    asyncio.run(main())
    assert b"2" in [each.body for each in queue.peek()]


def test_closing_fails_what_waits(any_app: msgq.App) -> None:
    queue = any_app.queue("q")

    async def main() -> None:
        await queue.aenqueue(b"x")
        any_app.close()
        with pytest.raises(msgq.ClosedError):
            await queue.aenqueue(b"x")
        with pytest.raises(msgq.ClosedError):
            await queue.aenqueue_many([b"x"])

    asyncio.run(main())
