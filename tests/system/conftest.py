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


@pytest.fixture
def pg_world(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    """The same on PostgreSQL, in a schema of its own."""
    made = World(tmp_path, postgres_url)
    yield made
    made.close()
