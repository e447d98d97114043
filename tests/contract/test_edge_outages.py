"""EC10 to EC12, EC14, EC15, EC17: stores that go away, refuse, or may not be used."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

import msgq
from msgq.errors import StoreRejectedError
from tests.contract.claims import take, take_rest
from tests.contract.conftest import MakeApp
from tests.contract.outages import AWAY, QUICK, expect_none_possible
from tests.contract.stores import Outage, Store
from tests.contract.verdicts import waits_for
from tests.support.cli import call, ok

SECONDS = 20.0
_numbers = itertools.count(1)


def test_ec10_a_partition_during_send(outage: Outage | None, make_app: MakeApp, name: str) -> None:
    """Partition during send may duplicate; msgq asks what became of it, so it does not."""
    if outage is None:
        expect_none_possible(make_app(), name)
        return
    queue = make_app(outage.url, **{**QUICK, "enqueue_timeout": 60}).queue(name)
    queue.enqueue(b"first")
    for n in range(3):
        receipt = queue.enqueue_later(b"%d" % n)
        outage.down()
        outage.up()
        assert receipt.wait(SECONDS).status == "persisted"
    found = take_rest(queue)
    assert [each.body for each in found] == [b"first", b"0", b"1", b"2"]


def test_ec11_credentials_expire(store: Store) -> None:
    """Credentials expire, refresh."""
    with pytest.raises(msgq.ConfigError, match="unknown setting 'credentials'"):
        msgq.App(store.url, credentials="refresh")
    waits_for("credentials that are refreshed")


def test_ec12_an_outage_opens_the_breaker(
    outage: Outage | None, make_app: MakeApp, name: str
) -> None:
    """Outage, breaker, no panic: calls fail one by one, typed; there is no breaker yet."""
    if outage is None:
        expect_none_possible(make_app(), name)
    else:
        app = make_app(outage.url, **{**QUICK, "enqueue_timeout": 0.1})
        queue = app.queue(name)
        queue.enqueue(b"x")
        outage.down()
        for _ in range(3):
            with pytest.raises(AWAY):
                queue.enqueue(b"y")
        outage.up()
        assert queue.claim(1, wait=SECONDS)[0].body == b"x"
    waits_for("circuit breaker")


def test_ec14_the_dead_letter_is_unavailable(
    outage: Outage | None, make_app: MakeApp, name: str
) -> None:
    """Dead letter unavailable: original kept, and alert. The two are one transaction in msgq."""
    if outage is None:
        expect_none_possible(make_app(), name)
        return
    queue = make_app(outage.url, **QUICK).queue(name)
    receipts = queue.enqueue_many([b"first", b"second"])
    first, second = take(queue, 2, lease="1h")
    outage.down()
    rejecting = threading.Thread(target=first.reject, args=("no use",))
    rejecting.start()
    outage.up()
    rejecting.join(SECONDS)
    assert not rejecting.is_alive()
    second.reject("no use either")
    dead = queue.dead()
    assert [(each.id, each.reason) for each in dead] == [
        (receipts.ids[0], "no use"), (receipts.ids[1], "no use either"),
    ]  # fmt: skip
    assert queue.depth().depth == 0


def test_ec15_rapid_failures_open_the_breaker(store: Store) -> None:
    """Rapid failures open breaker."""
    with pytest.raises(msgq.ConfigError, match="unknown setting 'breaker'"):
        msgq.App(store.url, breaker="on")
    waits_for("circuit breaker")


@pytest.fixture
def producer_url(store: Store) -> Iterator[str]:
    """The store as somebody sees it who may send and do nothing else; empty where all may all."""
    if store.server is None:
        if store.scheme == "postgresql":
            waits_for("a role of postgresql:// that may only send")
        yield ""
        return
    role = f"contract_producer_{next(_numbers)}"
    ok("db", "upgrade", "--url", store.url)
    run(store, "create role {} login nosuperuser", role)
    ok("db", "grant", "--url", store.url, "--producer", role)
    schema = store.url.rpartition("schema=")[2]
    url = store.server.tcp_url.replace("//msgq@", f"//{role}@")
    yield f"{url}?schema={schema}&create_schema=false"
    run(store, "drop owned by {}", role)
    run(store, "drop role {}", role)


def run(store: Store, text: str, role: str) -> None:
    """One statement about a role."""
    assert store.server is not None
    with psycopg.connect(store.server.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL(text).format(sql.Identifier(role)))


def test_ec17_a_missing_permission(
    store: Store, make_app: MakeApp, producer_url: str, name: str
) -> None:
    """Missing permission gives AuthorizationFailed, other operations go on."""
    if not producer_url:
        # who opens the store may do everything; that there are no roles is said
        answer = call("db", "grant", "--url", store.url, "--producer", "somebody")
        assert answer.status != 0
        assert store.scheme in answer.err
        return
    queue, owner = make_app(producer_url).queue(name), make_app().queue(name)
    queue.enqueue(b"x")
    with pytest.raises(StoreRejectedError, match="permission denied"):
        queue.claim(1)
    owner.enqueue(b"y")
    assert [each.body for each in take(owner, 2)] == [b"x", b"y"]
    queue.enqueue(b"z")
    assert [each.body for each in owner.claim(1, wait=SECONDS)] == [b"z"]
