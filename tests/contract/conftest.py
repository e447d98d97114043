"""What a test of the contract gets: a store, clients of it, and a queue that nobody else uses.

The store is shared by all tests of a run, as a transport author's own is: whatever a test looks at
is its own queue.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import msgq
from tests.contract.stores import OWN, Outage, Store, outage_of
from tests.contract.verdicts import MeasuredBy, benchmark_rows, waits_for
from tests.support.contract import ELSEWHERE, STORE
from tests.support.postgres import PostgresServer

MakeApp = Callable[..., msgq.App]
SCHEMA = "contract"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs on each store: those of --msgq-url, else msgq's own."""
    if "store" in metafunc.fixturenames:
        urls: list[str] = metafunc.config.getoption("--msgq-url")
        names = [url.partition("://")[0] for url in urls] or list(OWN)
        ids = [f"{name}-{n}" if name in names[:n] else name for n, name in enumerate(names)]
        given = [(name, url) for name, url in zip(ids, urls or [""] * len(ids), strict=True)]
        metafunc.parametrize("store", given, ids=ids, indirect=True)


@pytest.fixture(scope="session")
def contract_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the run's store on SQLite."""
    return tmp_path_factory.mktemp("contract") / "store.db"


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[str, msgq.Client]]:
    """A client of each store, by its name, for tests that need no app of their own."""
    made: dict[str, msgq.Client] = {}
    yield made
    for each in made.values():
        each.close(5)


@pytest.fixture(scope="session")
def contract_server(
    postgres_server: PostgresServer, clients: dict[str, msgq.Client]
) -> Iterator[PostgresServer]:
    """The run's server, with a schema for the contract that is gone afterwards."""
    yield postgres_server
    if client := clients.get("postgresql"):
        client.close(5)
    postgres_server.drop_schema(SCHEMA)


@pytest.fixture(autouse=True)
def store(request: pytest.FixtureRequest) -> Store:
    """The store that the test runs on."""
    name, url = request.param
    request.node.user_properties.append((STORE, name))
    if url or name == "memory":
        return Store(name, url or "memory://")
    if name == "sqlite":
        return Store(name, f"sqlite:///{request.getfixturevalue('contract_file')}")
    server = request.getfixturevalue("contract_server")
    return Store(name, f"{server.url}&schema={SCHEMA}", server)


@pytest.fixture
def make_app(store: Store) -> Iterator[MakeApp]:
    """Makes apps on the store, with profile "test" and what is said besides."""
    made: list[msgq.App] = []

    def make(url: str | None = None, **settings: Any) -> msgq.App:
        made.append(msgq.App(url or store.url, **{"profile": "test", **settings}))
        return made[-1]

    yield make
    for each in made:
        each.close(5)


@pytest.fixture
def app(make_app: MakeApp) -> msgq.App:
    """An app on the store."""
    return make_app()


@pytest.fixture
def other(store: Store, app: msgq.App, make_app: MakeApp) -> msgq.App:
    """Another client of the same store; the same client where no other can see it."""
    return make_app() if store.can("is_shared") else app


@pytest.fixture
def name() -> str:
    """The name of a queue that nobody else uses."""
    return f"contract-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def queue(
    request: pytest.FixtureRequest, store: Store, name: str, clients: dict[str, msgq.Client]
) -> msgq.Queue:
    """That queue, of the test's app if it asks for one."""
    if "app" in request.fixturenames:
        app: msgq.App = request.getfixturevalue("app")
        return app.queue(name)
    if store.name not in clients:
        # Others end sessions of the server now and then: idle connections are tried before use.
        clients[store.name] = msgq.connect(store.url, profile="test", health_interval=0)
    return clients[store.name].queue(name)


@pytest.fixture
def outage(store: Store, tmp_path: Path) -> Iterator[Outage | None]:
    """What takes the store away and brings it back. None: it lives in this process, always there.

    Of a store whose outages the contract does not know the statement stays open. A test asks for it
    before it asks for apps, so that they can close in peace.
    """
    with outage_of(store, tmp_path) as made:
        if made is None and store.can("is_shared"):
            waits_for(f"a way to cut off {store.scheme}://")
        yield made


@pytest.fixture
def measured_by(request: pytest.FixtureRequest, store: Store) -> MeasuredBy:
    """Says which row of the benchmarks measures the statement, for each transport."""

    def check(**rows: str) -> None:
        if store.scheme not in rows:
            waits_for(f"benchmarks of {store.scheme}://")
        assert rows[store.scheme] in benchmark_rows()
        request.node.user_properties.append((ELSEWHERE, rows[store.scheme]))

    return check
