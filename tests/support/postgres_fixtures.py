"""Fixtures: one PostgreSQL server a test run, started at first need, and a schema a test.

Without the programs of a server the tests that ask for one are skipped, and pytest says why; in CI
they fail.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pgbouncer import NoPoolerError, PgBouncer
from tests.support.postgres import PostgresServer
from tests.support.postgres_binaries import NoServerError, find_binaries
from tests.support.standby import Standby

# As the run began, for a test sees no setting of the shell.
_IN_CI = bool(os.environ.get("CI"))
CHOSEN = {name: text for name, text in os.environ.items() if name.startswith("MSGQ_PG_")}
_schema_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for a server is found by `-k postgres`."""
    for item in items:
        if {"postgres_server", "own_postgres"} & {*getattr(item, "fixturenames", ())}:
            item.extra_keyword_matches.add("postgres")


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
    postgres_server.drop_schema(schema)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server of the test's own, to stop, kill and configure."""
    with new_server() as server:
        yield server


def new_pooler(server: PostgresServer, **options: Any) -> PgBouncer:
    """A pooler not started yet, before that server; ends the test where there can be none."""
    try:
        return PgBouncer(server.url, **options)
    except NoPoolerError as error:
        if _IN_CI:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def pooler(postgres_server: PostgresServer) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode before the server of this run. Leave it running."""
    with new_pooler(postgres_server) as made:
        yield made


@pytest.fixture
def pooled_url(postgres_url: str, pooler: PgBouncer) -> str:
    """The URL of the test's schema, behind the pooler."""
    return f"{pooler.url}&{postgres_url.rpartition('&')[2]}"


@pytest.fixture
def own_standby(own_postgres: PostgresServer) -> Iterator[Standby]:
    """A hot standby of `own_postgres`."""
    with Standby(own_postgres) as standby:
        yield standby


def _mount(folder: Path) -> str:
    """Puts a file system of 24 MB of the server's user there; why not, where that may not be."""
    if os.geteuid() != 0:
        return "mounting a small file system needs root"
    for parent in [folder, *folder.parents][:4]:  # to the root of all runs; xdist adds one
        parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        shutil.chown(folder, "nobody", pwd.getpwnam("nobody").pw_gid)
    return done.stderr.strip()


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is a disk of 24 MB, for a tablespace."""
    folder = tmp_path_factory.mktemp("disk")
    if why := _mount(folder):
        pytest.skip(f"no small disk: {why}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
