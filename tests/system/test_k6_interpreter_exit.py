"""K6: an interpreter that ends takes msgq with it, quietly and soon.

With messages in flight, with handlers that run, with daemon threads that use the client, after
sys.exit, after an exception, with exit hooks that fail: the process ends within five seconds of
itself, without a crash, with the status it would have had. What it had acknowledged is there; what
it was handling is handled again.
"""

from __future__ import annotations

import time

import pytest

from tests.system.support.program import Program
from tests.system.support.world import World

EXIT_S = 5.0


def leave(world: World, how: str) -> tuple[Program, int]:
    """Run the program to its end; gives it and its exit status."""
    program = world.start("leaving", "leaving", how=how)
    if how not in ("sys.exit", "exception"):
        program.expect("leaving")
    else:
        program.expect("handling")
    began = time.monotonic()
    status = program.wait(20)
    assert time.monotonic() - began < EXIT_S
    return program, status


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("returns", 0),
        ("sys.exit", 7),
        ("exception", 1),
        ("exception in atexit", 0),
        ("a handler runs", 0),
        ("daemon threads", 0),
    ],
)
def test_k6_exit_is_prompt_and_quiet(world: World, how: str, status: int) -> None:
    program, found = leave(world, how)
    assert found == status, program.words()


@pytest.mark.parametrize("how", ["a handler runs", "daemon threads"])
def test_k6_what_was_being_handled_comes_again(world: World, how: str) -> None:
    leave(world, how)
    bodies: list[bytes] = []
    while len(bodies) < 2:
        found = world.queue().claim(2, wait=5)
        assert found, f"only {bodies} came back"
        for each in found:
            each.ack()
        bodies += [each.body for each in found]
    assert sorted(bodies) == [b"first", b"second"]


def test_k6_sys_exit_in_a_handler_is_a_failure_of_its_message(world: World) -> None:
    program, status = leave(world, "sys.exit in a handler")
    assert status == 0, program.words()
    assert [e["body"] for e in program.said("handling")][:2] == ["first", "second"]
    parked = world.queue().peek()
    assert [(each.body, each.failures) for each in parked] == [(b"first", 1)]


def test_k6_pending_receipts_are_written_at_exit(world: World) -> None:
    program, status = leave(world, "receipts pending")
    assert status == 0, program.words()
    assert world.depth().waiting == 2_002


def test_k6_enqueue_in_atexit_says_closed(world: World) -> None:
    program, status = leave(world, "enqueue in atexit")
    assert status == 0, program.words()
    assert program.expect("late", seconds=1)["outcome"] == "ClosedError"
