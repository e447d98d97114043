"""Each system test gets a world: a store, histories, and processes that end with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store of its own; at the end no process of it is left."""
    made = World(tmp_path)
    yield made
    made.close()
