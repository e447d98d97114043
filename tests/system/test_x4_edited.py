"""X4, of those that are edited: a process that dies on the way leaves each dead as it was,
or waiting as it is now; never both, never neither.
"""

from __future__ import annotations

import pytest

from tests.support.letters import bury
from tests.system.programs.common import body_of
from tests.system.support.world import World

COUNT = 60


@pytest.mark.parametrize("edited", [1, 13, 31])
def test_x4_a_kill_leaves_each_letter_old_or_new(world: World, edited: int) -> None:
    queue = world.queue()
    ids = bury(queue, [body_of(f"{number}") for number in range(COUNT)])
    before = {key: body_of(f"{number}") for number, key in enumerate(ids)}
    editor = world.start("edit", "editor")
    editor.expect("edited", count=edited)
    world.kill(editor)
    old = {str(each.id): each.body for each in world.dead()}
    assert old == {key: body for key, body in before.items() if key in old}
    new: dict[str, bytes] = {}
    while len(old) + len(new) < COUNT:
        for each in queue.claim(COUNT, wait=20):
            assert str(each.id) not in new
            new[str(each.id)] = each.body
            each.ack()
    assert len(new) >= edited
    assert new == {key: b"new-" + body for key, body in before.items() if key not in old}
    assert queue.claim(wait=0.05) == []
    depth = world.depth()
    assert (depth.sent, depth.done, depth.dead, depth.waiting) == (COUNT, len(new), len(old), 0)
