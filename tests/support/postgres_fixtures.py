"""Fixtures: one PostgreSQL server a test run, started at first need, and a schema a test.

Without the programs of a server the tests that ask for one are skipped, and pytest says why; in CI
they fail.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.postgres import PostgresServer
from tests.support.postgres_binaries import NoServerError, find_binaries
from tests.support.standby import Standby

# As the run began, for a test sees no setting of the shell.
_IN_CI = bool(os.environ.get("CI"))
CHOSEN = {name: text for name, text in os.environ.items() if name.startswith("MSGQ_PG_")}
_schema_numbers = itertools.count(1)


def new_server(**options: Any) -> PostgresServer:
    """A server not started yet; ends the test, in the way that fits, where there can be none."""
    try:
        return PostgresServer(find_binaries(CHOSEN), **options)
    except NoServerError as error:
        if _IN_CI or "MSGQ_PG_VERSION" in CHOSEN:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of this run. Leave it running, and nothing of yours in it."""
    with new_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A URL with the name of a schema that is not there yet; afterwards it is gone again."""
    schema = f"t_{next(_schema_numbers)}"
    yield f"{postgres_server.url}&schema={schema}"
    # A connection that the test forgot would hold this up for good.
    postgres_server.execute(f"set lock_timeout = '10s'; drop schema if exists {schema} cascade")


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server of the test's own, to stop, kill and configure."""
    with new_server() as server:
        yield server


@pytest.fixture
def own_standby(own_postgres: PostgresServer) -> Iterator[Standby]:
    """A hot standby of `own_postgres`."""
    with Standby(own_postgres) as standby:
        yield standby
