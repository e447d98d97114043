"""SA11, SA12, SA15 to SA19: faults of networks and of settings, secrets, threads, connections."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import take_rest
from tests.contract.conftest import MakeApp
from tests.contract.outages import AWAY, QUICK, expect_none_possible, expect_told_truly
from tests.contract.stores import Outage, Store
from tests.support.cli import ok

SECONDS = 20.0
SECRET = "hunter2"


def in_threads(count: int, call: Callable[[int], object]) -> None:
    """Calls in so many threads at once; fails when one of them failed or hangs."""
    failed: list[BaseException] = []

    def run(number: int) -> None:
        try:
            call(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS)
    assert not any(each.is_alive() for each in threads)
    assert failed == []


def test_sa11_a_lost_network_gives_connection_failed(
    outage: Outage | None, make_app: MakeApp, name: str
) -> None:
    """Lost network gives ConnectionFailed: recovers by itself, state intact."""
    if outage is None:
        expect_none_possible(make_app(), name)
        return
    queue = make_app(outage.url, **QUICK).queue(name)
    queue.enqueue(b"before")
    outage.down()
    with pytest.raises(AWAY) as caught:
        queue.enqueue(b"lost")
    assert caught.value.is_retryable or caught.value.is_in_doubt
    outage.up()
    while not sent(queue, b"after"):
        pass
    found = [each.body for each in take_rest(queue)]
    assert expect_told_truly(caught.value, b"lost", found) == [b"before", b"after"]


def sent(queue: msgq.Queue, body: bytes) -> bool:
    """Whether the store was there again."""
    try:
        queue.enqueue(body)
    except msgq.errors.StoreUnavailableError:
        return False
    return True


def test_sa12_throttling_backs_off(app: msgq.App, name: str) -> None:
    """Throttling backs off: exponential with jitter, maximum respected, later succeeds."""
    policy = msgq.RetryPolicy(base=1, factor=2, cap=60, jitter=0.2)
    middle = [policy.delay(n, lambda: 0.5) for n in range(1, 10)]
    assert middle == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert policy.delay(1, lambda: 0.0) == pytest.approx(0.8)
    assert policy.delay(9, lambda: 0.999999) == pytest.approx(72, rel=1e-3)
    calls: list[int] = []
    app.exceptions.throttled(ConnectionError, delay=0)

    @app.handler(queue=name, name=name, retry=msgq.RetryPolicy(1))
    def throttled(n: int) -> None:
        calls.append(n)
        if len(calls) < 5:
            raise ConnectionError

    throttled.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    assert len(calls) == 5
    assert (app.queue(name).depth().done, app.queue(name).depth().dead) == (1, 0)


def test_sa15_the_provider_is_chosen_at_run_time(
    store: Store, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Provider chosen at run time: same behaviour everywhere."""
    monkeypatch.setenv("MSGQ_URL", store.url)
    with msgq.App(profile="test") as app:
        assert app.transport == store.scheme
        app.queue(name).enqueue({"n": 1}, headers={"h": "x"})
        (delivery,) = app.queue(name).claim(1, wait=SECONDS)
        assert (delivery.value(), delivery.headers, delivery.attempt) == ({"n": 1}, {"h": "x"}, 1)
        delivery.ack()
        assert app.queue(name).depth().done == 1


def test_sa16_bad_configuration_fails_at_creation(store: Store) -> None:
    """Bad configuration fails at creation: field named, nothing half-built."""
    threads, files = set(threading.enumerate()), os.listdir()
    with pytest.raises(msgq.ConfigError) as caught:
        msgq.App(store.url, lease="never", concurrency=0, nonsense=1)
    assert all(field in str(caught.value) for field in ("lease", "concurrency", "nonsense"))
    with pytest.raises(msgq.ConfigError, match="max_attempts"):
        msgq.connect(store.url, max_attempts=0)
    assert set(threading.enumerate()) <= threads
    assert os.listdir() == files


def test_sa17_secrets_are_masked(
    store: Store, make_app: MakeApp, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Secrets masked in logs and serialisation: connection still works."""
    caplog.set_level(logging.DEBUG)
    url, secret, settings = with_secret(store.url)
    app = make_app(url, **settings)
    queue = app.queue(name)
    queue.enqueue(b"x")
    (delivery,) = queue.claim(1, wait=SECONDS)
    delivery.ack()
    with pytest.raises(msgq.MsgqError) as caught:
        msgq.connect(f"nowhere://u:{secret}@h/d?password={secret}")
    told = [repr(app), repr(queue), repr(app.config), str(dict(app.config)), str(caught.value)]
    told += [str(app.stats().to_dict()), ok("config", "--url", url).out, caplog.text]
    leaks = [number for number, text in enumerate(told) if secret in text]
    assert leaks == []


def with_secret(url: str) -> tuple[str, str, dict[str, str]]:
    """Gives a URL, the secret in it, and settings: where the URL has nobody, they hold the secret.

    A password that is there already is the secret; a user without one gets one.
    """
    parts = urlsplit(url)
    if parts.password:
        return url, parts.password, {}
    if parts.username:
        return url.replace(f"{parts.username}@", f"{parts.username}:{SECRET}@", 1), SECRET, {}
    return url, SECRET, {"read_url": f"postgresql://reader:{SECRET}@replica/db"}


def test_sa18_concurrent_use_of_one_client_is_safe(app: msgq.App, name: str) -> None:
    """Concurrent use of one client is safe: no race, no deadlock.

    That it scales is measured: N4 and N12 of the benchmarks.
    """
    queue = app.queue(name)
    taken: list[bytes] = []

    def use(number: int) -> None:
        if number < 6:
            for n in range(50):
                queue.enqueue(b"%d %d" % (number, n))
            return
        while len(taken) < 300:
            for each in queue.claim(7, wait=0.05):
                taken.append(each.body)
                each.ack()

    in_threads(8, use)
    assert sorted(taken) == sorted(b"%d %d" % (a, n) for a in range(6) for n in range(50))
    assert (queue.depth().done, queue.depth().depth) == (300, 0)


def test_sa19_the_pool_reuses_and_limits_connections(make_app: MakeApp, name: str) -> None:
    """Pool reuses and limits connections: limit never passed, exhaustion handled."""
    app = make_app(pool_size=4)
    queue = app.queue(name)
    queue.enqueue(b"x")
    seen: list[int] = []

    def look(_: int) -> None:
        for _ in range(4):
            queue.peek()
            seen.append(app.stats(with_depth=False).process.store_connections)

    in_threads(1, look)
    alone = app.stats().connections
    in_threads(16, look)
    crowd = app.stats().connections
    assert max(seen) <= (crowd.size or seen[0])
    assert crowd.connects - alone.connects <= crowd.size
    assert crowd.waiting == 0
    assert crowd.borrows >= alone.borrows + 64 * bool(crowd.size)
