"""K5: a fork never makes two processes out of one client.

A process that forks keeps what it has: its client goes on, its deliveries settle. The child finds
that what it inherited is closed and says so, and touches nothing of the parent's. It may open other
stores, and the same one on a server; the file that was open at the fork is refused, as SQLite would
not protect it in the child. A client that was declared but not opened before the fork opens in
either.
"""

from __future__ import annotations

import pytest

from tests.system.support.program import Program
from tests.system.support.world import World


def outcomes(program: Program, who: str) -> dict[str, str]:
    return {e["what"]: e["outcome"] for e in program.said("tried") if e["who"] == who}


def run(world: World, when: str) -> Program:
    program = world.start("forked", "forked", when=when, other=f"sqlite:///{world.folder}/other.db")
    program.expect("closed")
    assert program.wait() == 0, program.words()
    return program


def test_k5_a_fork_before_anything_is_open(world: World) -> None:
    program = run(world, "import")
    assert outcomes(program, "child") == {"enqueue": "ok"}
    assert outcomes(program, "parent") == {"enqueue": "ok"}
    assert {each.body for each in world.queue().peek()} == {b"child", b"parent"}


@pytest.mark.parametrize("when", ["open", "threads"])
def test_k5_a_fork_of_an_open_client(world: World, when: str) -> None:
    program = run(world, when)
    child = outcomes(program, "child")
    assert child.pop("close") == "ok"
    assert child.pop("open another") == "ok"
    again = child.pop("open it again")
    assert again == ("ok" if world.url.startswith("postgresql") else "ClosedError")
    refused = ["enqueue", "claim", "stats"]
    assert child == dict.fromkeys(refused, "ClosedError")
    parent = outcomes(program, "parent")
    assert set(parent.values()) == {"ok"}, parent
    assert {each.body for each in world.queue().peek()} == {b"parent"}


def test_k5_deliveries_are_settled_by_the_parent_alone(world: World) -> None:
    program = run(world, "claimed")
    assert outcomes(program, "child")["ack"] == "ClosedError"
    assert outcomes(program, "parent")["ack"] == "ok"
    assert world.depth().done == 1


def test_k5_a_child_does_not_keep_its_dead_parent_alive(world: World) -> None:
    """The process lock is the parent's: a child that lives on holds nothing of it."""
    program = world.start("forked", "forked", when="claimed", lingers=True,
                          other=f"sqlite:///{world.folder}/other.db")  # fmt: skip
    program.expect("child")
    world.grow_old()
    world.kill(program)
    back = world.queue().claim(10, wait=5)
    bodies = [each.body for each in back]
    while back and b"held" not in bodies:
        for each in back:
            each.ack()
        back = world.queue().claim(10, wait=3)
        bodies += [each.body for each in back]
    assert b"held" in bodies
