"""P2: what networks do to connections costs time and nothing else.

Two producers and two workers reach their server through one proxy, which delays, starves, slices,
stops, cuts and resets their connections. Every acknowledged message is handled; nothing is handled
that was not sent. Nobody hangs: each program ends when it is told to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import msgq
from tests.oracle import Limits
from tests.support.postgres import PostgresServer
from tests.support.proxy import Proxy
from tests.system.support.world import World
from tests.system.test_k1_worker_kills import HELD, SETTINGS, finish

SHORT_S, LONG_S = 0.8, 8.0
BLACK_HOLE_S = 28.0
"""Longer than a server may say nothing (20 s): the connections are given up."""
Toxic = tuple[str, dict[str, Any]]

TOXICS: dict[str, Toxic] = {
    "latency": ("both", {"latency": 0.1, "jitter": 0.05}),
    "round trip": ("both", {"latency": 0.02}),
    "bandwidth": ("both", {"bandwidth": 50_000}),
    "slicer": ("both", {"slices": 7, "slice_delay": 0.0005}),
    "slow close": ("both", {"slow_close": 0.5}),
    "timeout": ("both", {"black_hole": True}),
    "half a timeout": ("to_client", {"black_hole": True}),
    "limit inside a result": ("to_client", {"limit": 9_000}),
    "limit inside a request": ("to_server", {"limit": 9_000}),
    "reset inside a result": ("to_client", {"cut": 12_000}),
}


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    with Proxy(postgres_server.port) as made:
        yield made


class Road:
    """Programs of a world behind a proxy, and the verdict on them."""

    def __init__(self, world: World, proxy: Proxy) -> None:
        self.world, self.proxy = world, proxy
        schema = world.url.rpartition("schema=")[2]
        url = f"{PostgresServer.tcp_url_at(proxy.port)}?schema={schema}"
        environ = {"MSGQ_URL": url}
        self.producers = [
            world.start("produce", f"producer-{i}", environ, parcel=20, pace_s=0.02)
            for i in range(2)
        ]
        self.workers = [
            world.start("work", f"worker-{i}", environ, settings=SETTINGS) for i in range(2)
        ]
        for program in [*self.producers, *self.workers]:
            program.expect("ready")

    def suffer(self, toxic: Toxic, seconds: float) -> None:
        """Lets everything through it for so long."""
        direction, named = toxic
        self.proxy.set(direction, **named)
        self.world.listen(seconds)
        self.proxy.clear()

    def end(self, *, given_up: int = 0) -> None:
        """Nobody died. Who was away for so long that others took what it held has run it twice."""
        finish(self.world, self.producers, self.workers)
        self.world.note_end()
        bound = given_up * 2 * HELD
        self.world.judge(Limits(duplicated_max=bound, recovered_max=0, needs_empty_end=True,
                                needs_settled=given_up == 0))  # fmt: skip


def test_p2_every_toxic_in_turn(pg_world: World, proxy: Proxy) -> None:
    road = Road(pg_world, proxy)
    for toxic in TOXICS.values():
        road.suffer(toxic, SHORT_S)
    proxy.reset()
    pg_world.listen(0.2)
    proxy.down()
    pg_world.listen(0.2)
    proxy.up()
    road.end()
    assert proxy.counts()["ended"] > 8, "connections were lost on the way"


@pytest.mark.torture_pg
@pytest.mark.timeout(300)
def test_p2_every_toxic_for_long(pg_world: World, proxy: Proxy) -> None:
    road = Road(pg_world, proxy)
    for name, toxic in TOXICS.items():
        road.suffer(toxic, LONG_S)
        print(f"after {name}: {proxy.counts()}")
    for _ in range(20):
        pg_world.listen(pg_world.random.uniform(0.05, 0.5))
        proxy.reset()
    road.end(given_up=len(TOXICS))


@pytest.mark.torture_pg
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "toxic",
    [("both", {"black_hole": True}), ("to_client", {"black_hole": True}),
     ("to_server", {"late": True})],
    ids=["nothing passes", "answers are lost", "requests come late"],
)  # fmt: skip
def test_p2_connections_are_given_up_in_time(pg_world: World, proxy: Proxy, toxic: Toxic) -> None:
    """A black hole is noticed; what was sent into it comes out when its client has gone."""
    road = Road(pg_world, proxy)
    pg_world.listen(0.5)
    seen = proxy.counts().get("client_gone", 0)
    road.suffer(toxic, BLACK_HOLE_S)
    assert proxy.counts().get("client_gone", 0) > seen, "nobody gave up"
    road.end(given_up=1)


def in_time(call: Callable[[], object], seconds: float) -> None:
    """Runs it in a thread; it must end, well or not."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except msgq.MsgqError as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"still waiting after {seconds} s"


def test_every_call_keeps_its_own_time_when_the_server_falls_silent(
    postgres_url: str, proxy: Proxy
) -> None:
    """The server is given up after 20 s; nobody who said less waits for that."""
    schema = postgres_url.rpartition("schema=")[2]
    url = f"{PostgresServer.tcp_url_at(proxy.port)}?schema={schema}"
    client = msgq.connect(url, enqueue_timeout=1, connect_timeout=0.5)
    queue = client.queue("q")
    queue.enqueue(b"x")
    client.stats()
    proxy.set("both", black_hole=True)
    receipt = queue.enqueue_later(b"y")
    patience = 15.0  # below what a silent server takes, above what a busy machine does
    in_time(lambda: receipt.wait(0.2), patience)
    in_time(lambda: queue.enqueue(b"z"), patience)
    in_time(lambda: queue.claim(1, wait=0.2), patience)
    in_time(lambda: client.close(0.2), patience)
    proxy.clear()
