"""Ctrl-C ends every call that waits within 100 ms, wherever it waits.

The program sits in one blocking call (it waits, /proc says so); a SIGINT is sent; KeyboardInterrupt
comes out of the call. The limit asserted is generous for a busy machine; what was seen is printed.
"""

from __future__ import annotations

import signal

import pytest

from tests.system.support.world import World

LIMIT_S = 0.6
CALLS = (
    "claim", "receipt.wait", "enqueue on a full queue", "enqueue", "collect", "run_until_idle",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_a_blocking_call(world: World, call: str) -> None:
    interrupt(world, call)


def test_ctrl_c_ends_a_claim_of_a_locked_file(file_world: World) -> None:
    interrupt(file_world, "claim of a locked store")


def interrupt(world: World, call: str) -> None:
    """Wait until the program sleeps in that call, then send Ctrl-C."""
    program = world.start("blocked", "blocked", call=call)
    asked_ns = program.expect("blocking")["mono_ns"]
    asleep = 0

    def is_deep_asleep() -> bool:
        nonlocal asleep
        asleep = asleep + 1 if program.is_asleep() else 0
        return asleep >= 15

    world.until(is_deep_asleep, f"asleep in {call}")
    world.notes.note("asleep", asked_ns=asked_ns)
    program.send(signal.SIGINT)
    sent_ns = world.until(lambda: bool(program.said("interrupted")), "interrupted", seconds=10)
    print(f"Ctrl-C ended {call} after {sent_ns * 1000:.0f} ms")
    assert sent_ns < LIMIT_S
    assert program.said("returned") == []


def test_ctrl_c_ends_app_run_with_status_0(world: World) -> None:
    worker = world.start("work", "worker")
    worker.expect("ready")
    world.until(worker.is_asleep, "asleep in app.run")
    worker.send(signal.SIGINT)
    took = world.until(lambda: bool(worker.said("left")), "left app.run", seconds=10)
    assert worker.wait() == 0, worker.words()
    print(f"Ctrl-C ended app.run after {took * 1000:.0f} ms")
    assert took < LIMIT_S
