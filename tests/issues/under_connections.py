"""Effects of the settings of connections, seen by the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

import psycopg
import pytest

import msgq
from tests.support.postgres import PostgresServer
from tests.support.postgres_fixtures import new_server
from tests.support.proxy import Proxy
from tests.support.stores import POSTGRES

Make = Callable[..., msgq.App]
SECONDS = 20.0


def _server_of(app: msgq.App) -> psycopg.Connection[tuple[object, ...]]:
    url = urlsplit(app.config.url.dsn)
    said = dict(parse_qsl(url.query))
    return psycopg.connect(
        host=said["host"], port=said["port"], user="msgq", dbname="msgq", autocommit=True
    )


def _roles(app: msgq.App) -> dict[str, int]:
    """The connections of this process by role, as the server sees them; each app has its name."""
    with _server_of(app) as server:
        rows = server.execute(
            "select split_part(application_name, ' ', 3), count(*)::int from pg_stat_activity "
            "where application_name like %s group by 1",
            (f"msgq {dict(parse_qsl(urlsplit(app.config.url.dsn).query))['application_name']} %",),
        ).fetchall()
    return {str(role): int(str(count)) for role, count in rows}


def _open(make: Make, name: str, **settings: object) -> msgq.App:
    app = make(POSTGRES, **settings)
    # A name of its own tells its connections from those of others.
    app = msgq.App(f"{app.config.url.dsn}&application_name=effect_{name}", profile="test",
                   schema=app.config["schema"], **settings)  # fmt: skip
    return app.open()


def writers(make: Make) -> None:
    with _open(make, "writers", writers=1) as app:
        app.queue("q").enqueue(b"x")
        assert _roles(app)["writer"] == 1
    with _open(make, "writers", writers=2) as app:
        app.queue("q").enqueue(b"x")
        assert _roles(app)["writer"] == 2


def pool_size(make: Make) -> None:
    with pytest.raises(msgq.ConfigError, match=r"pool_size .3. is below writers"):
        make(pool_size=3, writers=2).open()
    with _open(make, "pool_size", pool_size=4) as app:
        _look_at_once(app, 4)
        assert _roles(app) == {"writer": 2, "presence": 1, "look": 1}


def _look_at_once(app: msgq.App, threads: int) -> None:
    """Every look waits for a lock, so that each that may be there is there at once."""
    schema = app.config["schema"]
    app.queue("q").enqueue(b"x")
    with _server_of(app) as server:
        with server.transaction():
            server.execute(f"lock table {schema}.queue in access exclusive mode".encode())
            looks = [threading.Thread(target=app.queues) for _ in range(threads)]
            for look in looks:
                look.start()
            _until(lambda: _roles(app).get("look", 0) > 0)
        for look in looks:
            look.join(SECONDS)


def pool_wait(make: Make) -> None:
    with _open(make, "pool_wait", pool_size=4, pool_wait=0.05) as app:
        app.queue("q").enqueue(b"x")
        with _server_of(app) as server:
            with server.transaction():
                server.execute(
                    f"lock table {app.config['schema']}.queue in access exclusive mode".encode()
                )
                stuck = threading.Thread(target=app.queues)
                stuck.start()
                _until(lambda: _roles(app).get("look", 0) > 0)
                with pytest.raises(msgq.StoreUnavailableError, match=r"50 ms .pool_wait"):
                    app.queues()
            stuck.join(SECONDS)


def idle_timeout(make: Make) -> None:
    with _open(make, "idle_timeout", idle_timeout=0.01) as app:
        app.queues()
        _until(lambda: "look" not in _roles(app))


def max_age(make: Make) -> None:
    with _open(make, "max_age", max_age=0.001) as app:
        for _ in range(5):
            app.queues()
            app.queue("q").enqueue(b"x")
        found = app.stats(with_depth=False).connections
        assert found.connects >= 10
        assert found.reconnects == 0
        assert app.queue("q").depth().waiting == 5
    with _open(make, "max_age", max_age=0) as app:
        for _ in range(5):
            app.queues()
            app.queue("q").enqueue(b"x")
        # Two look at tables and rights first.
        assert app.stats(with_depth=False).connections.connects <= 6


def health_interval(make: Make) -> None:
    """A look over a connection that is cut under it fails unless that was tried before."""
    near = make(POSTGRES)
    port = int(dict(parse_qsl(urlsplit(near.config.url.dsn).query))["port"])
    for interval, is_tried in ((0.0, True), (3600.0, False)):
        with Proxy(port) as proxy, ThreadPoolExecutor(1) as pool:
            url = f"{PostgresServer.tcp_url_at(proxy.port)}?application_name=effect_health"
            with msgq.App(url, profile="test", schema=near.config["schema"],
                          health_interval=interval).open() as app:  # fmt: skip
                app.queues()
                proxy.set("to_client", black_hole=True)
                asked = proxy.counts()["to_server_read"]
                look = pool.submit(app.queues)
                proxy.wait("to_server_read", asked + 1)
                proxy.reset()
                proxy.clear()
                if is_tried:
                    assert look.result(SECONDS) == []
                else:
                    with pytest.raises(msgq.StoreUnavailableError):
                        look.result(SECONDS)


def start_wait(make: Make) -> None:
    with new_server() as server:
        server.stop()
        with pytest.raises(msgq.StoreUnavailableError):
            make(server.url).open()
        app = make(server.url, start_wait=SECONDS)
        opening = threading.Thread(target=app.open)
        opening.start()
        server.start()
        opening.join(SECONDS)
        assert app.is_open
        app.close()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
