"""sync:// runs handlers in place, with the same envelope, policy and errors."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

import msgq
from tests.python.conftest import MakeApp


@pytest.fixture
def sync_app(make_app: MakeApp) -> msgq.App:
    return make_app("sync://")


def test_handlers_of_all_kinds_run_before_enqueue_returns(sync_app: msgq.App) -> None:
    got: list[Any] = []

    @sync_app.handler(queue="a", name="single")
    def single(n: int, ctx: msgq.Context) -> None:
        got.append((n, ctx.attempt, ctx.queue, dict(ctx.headers)))

    @sync_app.handler(queue="b", batch=msgq.Batch())
    def batch(numbers: list[int]) -> None:
        got.append(numbers)

    @sync_app.handler(queue="c")
    async def coroutine(n: int) -> None:
        await asyncio.sleep(0)
        got.append(n)

    @sync_app.handler(queue="d", name="*")
    def rest(body: bytes) -> None:
        got.append(body)

    receipt = single.using(headers={"x": 1}).enqueue(1)  # type: ignore[call-arg]
    assert got.pop() == (1, 1, "a", {"x": 1})
    assert receipt.status == "persisted"
    assert receipt.id.version == 7
    batch.enqueue(2)
    assert got.pop() == [2]
    coroutine.enqueue(3)
    assert got.pop() == 3
    sync_app.queue("d").enqueue(b"4")
    assert got.pop() == b"4"
    many = coroutine.enqueue_many([5, 6])
    assert got == [5, 6]
    assert many.counts() == {"persisted": 2}
    assert coroutine.enqueue_later(7).wait().done()

    async def main() -> None:
        await coroutine.aenqueue(8)
        await coroutine.aenqueue_many([9, 10])
        coroutine.enqueue(11)  # blocks this loop, but works

    asyncio.run(main())
    assert got == [5, 6, 7, 8, 9, 10, 11]
    stats = sync_app.stats()
    assert stats.traffic_of("c").done == 8
    assert stats.depth_of("c").depth == 0
    assert sync_app.queues() == ["a", "b", "c", "d"]


def test_policy_is_applied_without_waiting(sync_app: msgq.App) -> None:
    calls: Counter[str] = Counter()

    @sync_app.handler(queue="q", retry=msgq.RetryPolicy(4, base="1h"))
    def handler(what: str) -> object:
        calls[what] += 1
        if what == "fails" or (what == "recovers" and calls[what] < 3):
            raise ValueError(what)
        return {"reject": msgq.Reject("no"), "snooze": msgq.Snooze(5)}.get(what)

    for what in ("fails", "recovers", "reject", "snooze"):
        assert handler.enqueue(what).status == "persisted"
    assert calls == {"fails": 4, "recovers": 3, "reject": 1, "snooze": 1000}
    dead = {each.value()[0]: each for each in sync_app.queue("q").dead()}
    assert set(dead) == {"fails", "reject", "snooze"}
    assert dead["fails"].failures == 4
    assert [each["error"] for each in dead["fails"].history] == ["ValueError"] * 4
    assert "1000 attempts" in dead["snooze"].reason
    assert sync_app.queue("q").find(dead["fails"].id) == dead["fails"]
    assert sync_app.queue("q").redrive(dead["fails"].id) == 1
    assert calls["fails"] == 8
    assert sync_app.queue("q").delete_dead() == 3
    assert sync_app.dead() == []


def test_a_body_that_does_not_decode_is_a_dead_letter(sync_app: msgq.App) -> None:
    @sync_app.handler(queue="q", name="h")
    def handler(n: int) -> None: ...

    engine = sync_app.open()._opened()
    engine.enqueue_wait("q", "h", 1, b"\xff")
    engine.enqueue_wait("q", "gone", 1, b"[1]")
    assert [each.body for each in sync_app.dead()] == [b"\xff", b"[1]"]
    assert len(sync_app.dead(1, after=sync_app.dead()[0].cursor)) == 1


def test_the_exception_comes_out_when_asked_for(make_app: MakeApp) -> None:
    app = make_app("sync://?sync_raise=yes", max_attempts=1)

    @app.handler(queue="q", name="h")
    def handler(n: int) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        handler.enqueue(1)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(call(handler))
    with pytest.raises(msgq.PayloadError):
        app._opened().enqueue_wait("q", "h", 1, b"\xff")


async def call(handler: Any) -> None:
    await handler.aenqueue(1)


def test_what_is_not_possible_says_so_and_names_the_transport(sync_app: msgq.App) -> None:
    @sync_app.handler(queue="q")
    def handler(n: int) -> None: ...

    with pytest.raises(msgq.UnsupportedError, match="delay= is not possible on sync://"):
        handler.using(delay=5).enqueue(1)
    with pytest.raises(msgq.UnsupportedError, match="claim is not possible on sync://"):
        sync_app.queue("q").claim(1)
    with pytest.raises(msgq.UnsupportedError, match="'q' has no handler named '\\*'"):
        sync_app.queue("q").enqueue(b"x")
    with pytest.raises(msgq.UnsupportedError, match="a client has none"):
        msgq.connect("sync://").queue("q").enqueue(b"x")
    with pytest.raises(msgq.UnsupportedError, match=r"a worker is not possible .*: enqueue runs"):
        sync_app.run()
    with pytest.raises(msgq.UnsupportedError, match="backup"):
        sync_app.backup("x")
    with pytest.raises(msgq.PayloadError, match="11 bytes, at most 10 are allowed"):
        msgq.App("sync://", message_bytes_max=10).queue("q").enqueue(b"x" * 11)
    assert sync_app.queue("q").peek() == []
    assert sync_app.queue("q").purge() == 0
    sync_app.close()
    with pytest.raises(msgq.ClosedError):
        handler.enqueue(1)


def test_what_nobody_handles_fails_the_handler_that_sends_it(make_app: MakeApp) -> None:
    app = make_app("sync://?sync_raise=yes", max_attempts=1)

    @app.handler(name="sends")
    def sends() -> None:
        app.queue("nowhere").enqueue(b"x")

    with pytest.raises(msgq.UnsupportedError, match="nowhere"):
        sends.enqueue()
