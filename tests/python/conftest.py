"""Apps of a test's own, in memory and in a file, closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import msgq

MakeApp = Callable[..., msgq.App]


@pytest.fixture
def make_app() -> Iterator[MakeApp]:
    """Makes apps with profile "test", on memory:// unless told otherwise."""
    made: list[msgq.App] = []

    def make(url: str = "memory://", **settings: Any) -> msgq.App:
        made.append(msgq.App(url, **{"profile": "test", **settings}))
        return made[-1]

    yield make
    for each in made:
        each.close(2)


@pytest.fixture
def app(make_app: MakeApp) -> msgq.App:
    """An app in memory."""
    return make_app()


@pytest.fixture(params=["memory://", "sqlite:///q.db"])
def any_app(request: pytest.FixtureRequest, make_app: MakeApp) -> msgq.App:
    """An app on each store."""
    return make_app(request.param)


@pytest.fixture(params=["memory://", "sqlite:///q.db", "sync://"])
def each_app(request: pytest.FixtureRequest, make_app: MakeApp) -> msgq.App:
    """An app on each transport, the one that stores nothing too."""
    return make_app(request.param)
