"""O3: producers send the same dedup ids and are killed: each id is one message, none is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.system.support.program import Program
from tests.system.support.world import World

IDS, SIZE = 600, 7


def acknowledged(programs: list[Program]) -> set[str]:
    """Gives every id that some producer was told about, whatever it was told."""
    return {each for one in programs for said in one.said("sent") for each in said["ids"]}


@pytest.mark.parametrize("world", ["file", "postgres"], indirect=True)
def test_an_id_is_one_message_whoever_dies(world: World) -> None:
    kills, producers = 6, 3
    orders: dict[str, Any] = {"ids": IDS, "size": SIZE, "settings": {"dedup_window": 3600}}
    running = [world.start("once", f"once-{index}.0", **orders) for index in range(producers)]
    everybody = list(running)
    for number in range(1, kills + 1):
        chosen = world.random.randrange(producers)
        running[chosen].expect("sent", count=world.random.randrange(1, 6))
        world.kill(running[chosen])
        running[chosen] = world.start("once", f"once-{chosen}.{number}", **orders)
        everybody.append(running[chosen])
    for each in running:
        assert each.wait() == 0, each.words()
    found = Counter(each.dedup for each in world.queue().messages())
    statuses = Counter(
        status for one in everybody for said in one.said("sent") for status in said["statuses"]
    )
    print(f"{kills} kills, {IDS} ids, {statuses['duplicate']} duplicates told")
    assert {each: n for each, n in found.items() if n != 1} == {}, f"seed {world.seed}"
    assert acknowledged(everybody) <= set(found), f"seed {world.seed}: acknowledged and lost"
    assert set(found) == {str(n) for n in range(IDS)}
    assert statuses["persisted"] <= IDS, "two were told that theirs is the first"
    assert statuses["duplicate"] >= IDS
