"""The stores that a test runs over, once each; PostgreSQL's is a schema of the test's own."""

from __future__ import annotations

from typing import Final

import pytest

POSTGRES: Final = "postgresql://"
"""Stands for the URL of `postgres_url` in a list of stores."""
POOLED: Final = "pgbouncer://"
"""Stands for that of `pooled_url`, the same store behind PgBouncer; see `behind_pooler`."""
STORES: Final = ("memory://", "sqlite:///q.db", POSTGRES)
TRANSPORTS: Final = (*STORES, "sync://")
behind_pooler = pytest.mark.also_on(POOLED)
on_postgres_too = pytest.mark.also_on(POSTGRES, POOLED)
over_stores = pytest.mark.parametrize("url", STORES, indirect=True)
over_transports = pytest.mark.parametrize("url", TRANSPORTS, indirect=True)


def url_of(request: pytest.FixtureRequest) -> str:
    """What to connect to for the parameter of a fixture."""
    if request.param == POSTGRES:
        return str(request.getfixturevalue("postgres_url"))
    if request.param == POOLED:
        return str(request.getfixturevalue("pooled_url"))
    return str(request.param)
