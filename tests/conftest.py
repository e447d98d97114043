"""What every Python test gets: a world of its own, and nothing of the shell it was started in."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import pytest

from tests.support.stores import url_of

pytest_plugins = ["tests.support.contract", "tests.support.postgres_fixtures"]

# Examples are as quick as the machine lets them be; a slow one is not a wrong one.
hypothesis.settings.register_profile("msgq", deadline=None, print_blob=True)
hypothesis.settings.load_profile("msgq")
# As the run began, for a test sees no setting of the shell.
MODEL_EXAMPLES = int(os.environ.get("MSGQ_MODEL_EXAMPLES", "0"))

# What was started behind a shell's `&` ignores Ctrl-C, and so would every process of the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


def model_settings(examples: int, *, is_random: bool = False) -> hypothesis.settings:
    """For machines that compare a store with a model: the same steps in each run, few of them.

    MSGQ_MODEL_EXAMPLES, as the run began, makes them so many, and random.
    """
    is_random = is_random or MODEL_EXAMPLES > 0
    return hypothesis.settings(
        max_examples=MODEL_EXAMPLES or examples,
        stateful_step_count=40,
        derandomize=not is_random,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the shell reaches a test, and what it writes lands in its own folder."""
    for name in [name for name in os.environ if name.startswith("MSGQ_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The store that a test is parametrized with; see tests/support/stores.py."""
    return url_of(request)
