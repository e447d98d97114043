"""The store that a test of the contract runs on: its URL, and what its transport says it can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from tests.support.foreign import write_transaction
from tests.support.postgres import PostgresServer
from tests.support.proxy import Proxy
from tests.tidy.capabilities import PAGE, table
from tests.tidy.tree import ROOT

OWN = ("memory", "sqlite", "postgresql")
"""The schemes of the stores that the contract makes by itself."""


@cache
def capabilities() -> Mapping[str, Mapping[str, str]]:
    """The table of docs/guarantees.md: of each scheme a mark for each capability."""
    return table({PAGE: (ROOT / PAGE).read_text(encoding="utf-8")})


@dataclass(frozen=True)
class Store:
    """A store under test. `name` is how the run tells of it; it holds no secret."""

    name: str
    url: str = field(repr=False)
    server: PostgresServer | None = None

    @property
    def scheme(self) -> str:
        """Which transport it is."""
        found = self.url.partition("://")[0].lower()
        return "postgresql" if found == "postgres" else found

    def can(self, capability: str) -> bool:
        """What docs/guarantees.md says of the transport; a new one needs its column there."""
        return capabilities()[self.scheme][capability] == "✔"


class Outage(Protocol):
    """Takes a store away and brings it back."""

    url: str

    def down(self) -> None:
        """From now on nothing reaches the store."""

    def up(self) -> None:
        """The store is there again, with all it had."""


class NetworkOutage:
    """A PostgreSQL behind a proxy that can be cut."""

    def __init__(self, proxy: Proxy, schema: str) -> None:
        self.proxy = proxy
        self.url = f"{PostgresServer.tcp_url_at(proxy.port)}?schema={schema}"

    def down(self) -> None:
        """Resets every connection and takes no new one."""
        self.proxy.down()

    def up(self) -> None:
        """Takes connections again, on the same port."""
        self.proxy.up()


class LockOutage:
    """A file whose write lock another program holds."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._path = path
        self._held: AbstractContextManager[object] | None = None

    def down(self) -> None:
        """Has the other program begin a write transaction."""
        self._held = write_transaction(self._path)
        self._held.__enter__()

    def up(self) -> None:
        """Has it end."""
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(None, None, None)


@contextmanager
def outage_of(store: Store, folder: Path) -> Iterator[Outage | None]:
    """Gives what takes a store away; None where nothing can, or where the contract knows no way."""
    if store.server is not None:
        with Proxy(store.server.port) as proxy:
            yield NetworkOutage(proxy, store.url.rpartition("schema=")[2])
    elif store.scheme == "sqlite":
        made = LockOutage(folder / "outage.db")
        yield made
        made.up()
    else:
        yield None
