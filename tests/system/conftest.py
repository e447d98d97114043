"""Each system test gets a world: a store, histories, and processes that end with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer
from tests.system.support.world import World


@pytest.fixture(params=["file", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    """A store of its own, once of each durable kind; at the end no process of it is left."""
    name = {"file": "file_world", "postgres": "pg_world"}[request.param]
    made: World = request.getfixturevalue(name)
    return made


@pytest.fixture
def file_world(tmp_path: Path) -> Iterator[World]:
    """The same in a file, for what only files have."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def pg_world(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    """The same on PostgreSQL, in a schema of its own."""
    made = World(tmp_path, postgres_url)
    yield made
    made.close()


@pytest.fixture
def lone_world(tmp_path: Path, own_postgres: PostgresServer) -> Iterator[World]:
    """The same on a PostgreSQL server that the test may stop, kill and configure."""
    made = World(tmp_path, own_postgres.url)
    yield made
    made.close()
