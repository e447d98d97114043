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

# What was started behind a shell's `&` ignores Ctrl-C, and so would every process of the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
