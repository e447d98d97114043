"""Callbacks of receipts: run once in one thread, started when needed, ended before exit."""

from __future__ import annotations

import asyncio
import threading

import msgq
from msgq._notice import Notifier, notifier, settled


def test_there_is_one_for_the_process() -> None:
    assert notifier() is notifier()
    assert notifier().is_ours


def test_it_tells_and_ends() -> None:
    own = Notifier()
    done = threading.Event()
    names: list[str] = []
    with msgq.connect("memory://", profile="test") as client:
        core = client._opened().enqueue("q", "", 0, b"x")

        def note() -> None:
            names.append(threading.current_thread().name)
            done.set()

        own.watch(core, note)
        assert done.wait(20)
    assert names == ["msgq-notice"]
    own.close()
    assert not own._thread.is_alive()


def test_a_core_receipt_can_be_awaited() -> None:
    async def main(client: msgq.Client) -> None:
        receipts = [client._opened().enqueue("q", "", 0, b"x") for _ in range(100)]
        await asyncio.gather(*[settled(each) for each in receipts])
        assert all(each.status == 1 for each in receipts)

    with msgq.connect("sqlite:///q.db", profile="test") as client:
        asyncio.run(main(client))
