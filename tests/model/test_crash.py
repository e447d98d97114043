"""I5: what a killed process held comes back with its attempt counted, and not for ever.

The stores are those that outlive a process. MSGQ_MODEL_EXAMPLES=100 makes so many runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.conftest import MODEL_EXAMPLES, model_settings
from tests.model.bench import Bench
from tests.model.crashing import CrashMachine
from tests.model.model import CRASHES_MAX, WORKER_LOST
from tests.model.run import run
from tests.support.stores import POSTGRES
from tests.system.support.world import World

pytestmark = pytest.mark.timeout(120 + 60 * MODEL_EXAMPLES)
SQLITE = "sqlite:///q.db"
over_durable_stores = pytest.mark.parametrize("url", [SQLITE, POSTGRES], indirect=True)
# A server's processes are known to be dead after seconds: there a death costs as much.
LATE = pytest.param(POSTGRES, marks=pytest.mark.torture_pg)
EXAMPLES = {"sqlite": (3, 8), "postgresql": (1, 5)}  # runs, steps


@pytest.fixture
def world(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"), url_for_children(url))
    yield made
    made.close()


def url_for_children(url: str) -> str:
    """The same store for processes that run in another folder."""
    return url.replace("sqlite:///", f"sqlite:///{Path.cwd()}/")


@pytest.fixture
def bench(world: World) -> Iterator[Bench]:
    made = Bench(world.url)
    world.grow_old()
    yield made
    made.close()
    print(f"{made.runs} runs, {made.steps} steps compared, {len(world.programs)} processes killed")


@over_durable_stores
def test_what_dead_processes_held_comes_back(bench: Bench, world: World, url: str) -> None:
    examples, steps = EXAMPLES[url.partition(":")[0]]
    few = settings(model_settings(examples), stateful_step_count=steps)
    run(lambda: CrashMachine(bench, world), few)


@pytest.mark.parametrize("url", [SQLITE, LATE], indirect=True)
def test_a_message_that_always_kills_is_given_up(bench: Bench, world: World) -> None:
    """The first death makes it a suspect; those it dies of alone are counted."""
    machine = CrashMachine(bench, world)
    machine.enqueue(0, "a", None, {"n": 1}, False)
    for _ in range(1 + CRASHES_MAX):
        machine.crash_with("a", 1)
        machine.depth_is_the_models()
        machine.a_queue_is_seen_whole()
    (dead,) = bench.client(0).queue("a").dead()
    assert (dead.reason, dead.crashes, dead.failures) == (WORKER_LOST, CRASHES_MAX, 0)
    machine.teardown()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "url", [pytest.param(SQLITE, marks=pytest.mark.torture), LATE], indirect=True
)
def test_the_same_with_many_other_deaths(bench: Bench, world: World) -> None:
    many = settings(model_settings(15, is_random=True), stateful_step_count=25)
    run(lambda: CrashMachine(bench, world), many)
