"""read_url: looks go to a replica while it is there and young enough, else to the primary."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

import msgq
from tests.support.cli import call, ok
from tests.support.postgres import PostgresServer
from tests.support.standby import Standby

PATIENCE_S = 60.0


class Place:
    """A client of a primary that reads from its standby."""

    def __init__(self, primary: PostgresServer, standby: Standby, **settings: object) -> None:
        self.primary, self.standby = primary, standby
        self.client = msgq.connect(
            primary.url, read_url=standby.tcp_url, profile="test", **settings
        )
        self.queue = self.client.queue("q")

    def asked(self, server: PostgresServer) -> int:
        """How many looks a server has answered: its sessions of that name, by what they ran."""
        rows = server.execute(
            "select count(*) from pg_stat_activity where application_name like 'msgq % replica'"
        )
        return int(rows[0][0])

    def lag(self) -> float | None:
        return self.client.stats().store.replica_lag


@pytest.fixture
def make(own_postgres: PostgresServer, own_standby: Standby) -> Iterator[Callable[..., Place]]:
    places: list[Place] = []

    def made(**settings: object) -> Place:
        places.append(Place(own_postgres, own_standby, **settings))
        return places[-1]

    yield made
    for place in places:
        place.client.close(1)


def until(is_so: Callable[[], bool]) -> None:
    """Looks until it is so; the looks themselves take their time."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of where looks go, in order."""
    return [each.message for each in caplog.records if "looks go to" in each.message]


def test_looks_go_to_the_replica_and_say_how_old_they_are(make: Callable[..., Place]) -> None:
    place = make()
    queue = place.queue
    queue.enqueue_many([b"1", b"2", b"3"])
    (delivery,) = queue.claim(1, wait=5)
    delivery.reject("no")
    receipt = queue.enqueue(b"x")
    place.standby.wait_caught_up()
    until(lambda: place.lag() is not None)
    assert 0 <= (place.lag() or 0) < 60
    assert place.asked(place.standby) == 1, "one connection of the pool for all of it"
    assert place.asked(place.primary) == 0
    # Two writers and presence: no look went to the primary.
    assert place.client.stats().process.store_connections == 3

    place.standby.pause_replay()
    queue.enqueue(b"unseen")
    assert queue.depth().waiting == 3
    assert place.client.stats().depth_of("q").waiting == 3
    assert [each.body for each in queue.peek(10)] == [b"2", b"3", b"x"]
    assert [each.body for each in queue.dead()] == [b"1"]
    assert queue.find(receipt.id).body == b"x"
    unseen = queue.enqueue(b"newer")
    assert queue.find(unseen.id).body == b"newer"  # not there yet: the primary is asked
    fresh = place.client.queue("fresh")
    fresh.enqueue(b"x")
    assert [each.body for each in fresh.peek(1)] == [b"x"]  # nor is its queue
    place.standby.resume_replay()
    place.standby.wait_caught_up()
    assert queue.depth().waiting == 5


def test_one_that_is_too_old_is_left_until_it_has_caught_up(
    make: Callable[..., Place], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "msgq")
    place = make(read_staleness_max="3s")
    place.queue.enqueue(b"1")
    place.standby.wait_caught_up()
    until(lambda: place.lag() is not None)
    place.standby.pause_replay()
    place.queue.enqueue(b"2")
    until(lambda: place.queue.depth().waiting == 2)
    assert place.lag() is None
    place.standby.resume_replay()
    until(lambda: place.lag() is not None)
    until(lambda: place.lag() is not None and len(told(caplog)) >= 2)
    away, back = told(caplog)
    assert "behind, at most 3.0 s are allowed" in away
    assert "to the replica again" in back


def test_one_that_is_away_is_done_without(
    make: Callable[..., Place], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "msgq")
    place = make()
    place.queue.enqueue(b"1")
    place.standby.wait_caught_up()
    until(lambda: place.lag() is not None)
    place.standby.stop()
    for _ in range(5):
        assert place.queue.depth().waiting == 1
    assert place.lag() is None
    place.standby.start()
    until(lambda: place.lag() is not None)
    until(lambda: place.lag() is not None and len(told(caplog)) >= 2)
    away, back = told(caplog)
    assert "looks go to the primary" in away
    assert "looks go to the replica again" in back


def test_a_worker_is_idle_by_the_primary(make: Callable[..., Place]) -> None:
    place = make()
    place.queue.enqueue(b"x")
    place.standby.wait_caught_up()
    until(lambda: place.lag() is not None)
    place.standby.pause_replay()
    url = {"read_url": place.standby.tcp_url, "profile": "test"}
    with msgq.App(place.primary.url, **url) as app:
        seen: list[int] = []

        @app.handler(queue="r", name="h")
        def handler(n: int) -> None:
            seen.append(n)

        handler.enqueue(1)

        with app.worker() as worker:
            worker.run_until_idle(20)
        assert seen == [1]


def test_the_command_line_says_it(own_postgres: PostgresServer, own_standby: Standby) -> None:
    ok("db", "upgrade", "--url", own_postgres.url)
    own_standby.wait_caught_up()
    url = f"{own_postgres.url}&read_url={quote(own_standby.tcp_url, safe='')}"
    until(lambda: ok("stats", "--url", url, "--json").json["replica_lag_s"] is not None)
    assert "read from a replica, at most" in ok("stats", "--url", url).out
    assert ok("stats", "--url", own_postgres.url, "--json").json["replica_lag_s"] is None


def test_its_url_is_checked_and_hides_its_password() -> None:
    assert call("config", "--url", "postgresql:///x?read_url=sqlite:///y.db").status == 2
    said = ok("config", "--url", "postgresql:///x?read_url=postgresql%3A%2F%2Fu%3Asecret%40r%2Fx")
    assert "secret" not in said.out
    assert "postgresql://u:***@r/x" in said.out
    as_json = ok("config", "--json", "--url", "postgresql:///x?read_url=postgresql://u:secret@r/x")
    assert "secret" not in as_json.out
