"""Apps of a test's own, in memory and in a file, closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import msgq
from tests.support.stores import STORES, TRANSPORTS, url_of

MakeApp = Callable[..., msgq.App]


@pytest.fixture
def make_app(request: pytest.FixtureRequest) -> Iterator[MakeApp]:
    """Makes apps with profile "test", on memory:// unless told otherwise."""
    if "url" in request.fixturenames:
        request.getfixturevalue("url")  # its store shall last until the apps are closed
    made: list[msgq.App] = []

    def make(url: str = "memory://", **settings: Any) -> msgq.App:
        made.append(msgq.App(url, **{"profile": "test", **settings}))
        return made[-1]

    yield make
    for each in made:
        each.close(2)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says APP_STORES runs each test that wants `app` on each of them.

    What is marked also_on() runs on those, too; what has stores of its own, on these alone.
    """
    marks = metafunc.definition.iter_markers("also_on")
    more = [store for mark in marks for store in mark.args]
    for name, stores in {
        "app_url": getattr(metafunc.module, "APP_STORES", ["memory://"] if more else []),
        "store_url": STORES,
        "transport_url": TRANSPORTS,
    }.items():
        own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
        if name in metafunc.fixturenames and stores and name not in own:
            metafunc.parametrize(name, list(dict.fromkeys([*stores, *more])), indirect=True)


@pytest.fixture
def app_url(request: pytest.FixtureRequest) -> str:
    """In memory, unless the module says APP_STORES."""
    return url_of(request) if hasattr(request, "param") else "memory://"


@pytest.fixture
def app(app_url: str, make_app: MakeApp) -> msgq.App:
    """An app in memory, unless the module says APP_STORES."""
    return make_app(app_url)


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    """Each store that keeps something."""
    return url_of(request)


@pytest.fixture
def transport_url(request: pytest.FixtureRequest) -> str:
    """Each transport, the one that stores nothing too."""
    return url_of(request)


@pytest.fixture
def any_app(store_url: str, make_app: MakeApp) -> msgq.App:
    """An app on each store."""
    return make_app(store_url)


@pytest.fixture
def each_app(transport_url: str, make_app: MakeApp) -> msgq.App:
    """An app on each transport."""
    return make_app(transport_url)
