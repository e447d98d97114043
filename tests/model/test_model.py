"""I3, I5, I8: whatever is done to a queue, in whatever order, it is what the model says it is.

Random steps are made on a store and on the model (model.py), and everything that can be seen is
compared after each. The ordinary run makes the same steps each time. MSGQ_MODEL_EXAMPLES=1000 makes
so many runs a store, other ones each time; `make torture` and `make torture-pg` some hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import MODEL_EXAMPLES, model_settings
from tests.model.bench import Bench
from tests.model.machine import Machine
from tests.model.run import run
from tests.support.stores import POSTGRES, STORES, over_stores

pytestmark = pytest.mark.timeout(120 + 5 * MODEL_EXAMPLES)
TORTURED = [
    *(pytest.param(url, marks=pytest.mark.torture) for url in STORES[:2]),
    pytest.param(POSTGRES, marks=pytest.mark.torture_pg),
]
EXAMPLES = {"memory": 60, "sqlite": 40, "postgresql": 12}


@pytest.fixture
def bench(url: str) -> Iterator[Bench]:
    made = Bench(url)
    yield made
    made.close()
    print(f"{url.partition(':')[0]}: {made.runs} runs, {made.steps} steps compared")


@over_stores
def test_a_store_is_what_the_model_says(bench: Bench, url: str) -> None:
    examples = EXAMPLES[url.partition(":")[0]]
    run(lambda: Machine(bench), model_settings(examples))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("url", TORTURED, indirect=True)
def test_the_same_with_many_other_steps(bench: Bench, url: str) -> None:
    examples = 8 * EXAMPLES[url.partition(":")[0]]
    settings = model_settings(examples, is_random=True)
    run(lambda: Machine(bench), settings)
