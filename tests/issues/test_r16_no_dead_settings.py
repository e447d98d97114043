"""R16: every setting has an observable effect; one test each, and a table that none is missing."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

import msgq
from msgq._settings import SETTINGS
from msgq.duration import now_ms
from msgq.testing import run_until_idle
from tests.issues import under_connections, under_faults, under_replica
from tests.support.stores import POSTGRES
from tests.support.stuck import Stuck

SECONDS = 20.0
BELOW_THE_PROFILE = 4.0
"""Profile "test" waits 5 s for each lease, grace and close_timeout."""
Effect = Callable[[Callable[..., msgq.App]], None]
EFFECTS: dict[str, Effect] = {}


def shows(*names: str) -> Callable[[Effect], Effect]:
    """Notes that a function shows the effect of these settings."""

    def note(effect: Effect) -> Effect:
        EFFECTS.update(dict.fromkeys(names, effect))
        return effect

    return note


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., msgq.App]]:
    made: list[msgq.App] = []

    def app(url: str = "memory://", **settings: Any) -> msgq.App:
        if url == POSTGRES:  # who asks for it closes it: the schema goes before the apps do
            url = str(request.getfixturevalue("postgres_url"))
        made.append(msgq.App(url, **{"profile": "test", **settings}))
        return made[-1]

    yield app
    for each in made:
        each.close(1)


def test_no_setting_is_without_an_effect() -> None:
    assert set(EFFECTS) == set(SETTINGS)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_the_setting_has_an_effect(name: str, make: Callable[..., msgq.App]) -> None:
    EFFECTS[name](make)


shows("crashes_max")(under_faults.crashes_max)
shows("busy_timeout")(under_faults.busy_timeout)
shows("enqueue_timeout")(under_faults.enqueue_timeout)
shows("poll_min", "poll_max")(under_faults.poll)
shows("durability")(under_faults.durability)
for _name in ("writers", "pool_size", "pool_wait", "idle_timeout", "max_age", "health_interval",
              "start_wait"):  # fmt: skip
    shows(_name)(getattr(under_connections, _name))
for _name in ("pgbouncer", "read_url", "read_staleness_max"):
    shows(_name)(getattr(under_replica, _name))


def refuses(enqueue: Callable[[bytes], object], body: bytes = b"x") -> None:
    """Enqueues more than any bound of these tests allows."""

    def flood() -> None:
        for _ in range(1_000):
            enqueue(body)

    with pytest.raises(msgq.QueueFullError):
        flood()


@shows("store_count_max", "overflow")
def bounded_count(make: Callable[..., msgq.App]) -> None:
    queue = make(store_count_max=7, overflow="raise").queue("q")
    refuses(queue.enqueue)
    assert queue.depth().waiting <= 7
    dropping = make(store_count_max=3, overflow="drop").queue("q")
    assert {dropping.enqueue(b"x").status for _ in range(9)} == {"persisted", "dropped"}


@shows("store_bytes_max")
def bounded_bytes(make: Callable[..., msgq.App]) -> None:
    queue = make(store_bytes_max=10_000, overflow="raise").queue("q")
    refuses(queue.enqueue, b"x" * 900)
    assert 5 <= queue.depth().waiting <= 11


@shows("overflow_wait")
def waiting_for_room(make: Callable[..., msgq.App]) -> None:
    queue = make(store_count_max=2, overflow_wait=0.3).queue("q")
    queue.enqueue_many([b"x", b"y"])
    begin = time.monotonic()
    with pytest.raises(msgq.QueueFullError):
        queue.enqueue(b"z")
    assert 0.2 < time.monotonic() - begin < 10


@shows("inflight_count_max")
def bounded_intake(make: Callable[..., msgq.App]) -> None:
    app = make("sqlite:///q.db", inflight_count_max=5, overflow="raise", linger=5)
    refuses(app.queue("q").enqueue_later)
    assert app.stats().traffic_of("q").in_flight <= 5


@shows("inflight_bytes_max")
def bounded_intake_bytes(make: Callable[..., msgq.App]) -> None:
    app = make("sqlite:///q.db", inflight_bytes_max=20_000, message_bytes_max=2_000,
               overflow="raise", linger=5)  # fmt: skip
    refuses(app.queue("q").enqueue_later, b"x" * 1_900)
    assert app.stats().store.bytes_in_flight <= 20_000


@shows("message_bytes_max")
def bounded_body(make: Callable[..., msgq.App]) -> None:
    queue = make(message_bytes_max=10).queue("q")
    queue.enqueue(b"x" * 10)
    with pytest.raises(msgq.PayloadError):
        queue.enqueue(b"x" * 11)


@shows("batch_count_max", "batch_bytes_max")
def blocks(make: Callable[..., msgq.App]) -> None:
    def count(**settings: Any) -> int:
        app = make(**settings)
        app.queue("q").enqueue_many([b"x" * 100] * 1_000)
        return app.stats().store.blocks

    assert count() <= 20
    assert count(batch_count_max=10) >= 100
    assert count(batch_bytes_max=1_100) >= 90


@shows("flush_count_max")
def flushes(make: Callable[..., msgq.App]) -> None:
    def count(name: str, **settings: Any) -> int:
        app = make(f"sqlite:///{name}.db", batch_count_max=10, linger="200ms", **settings)
        app.queue("q").enqueue_many([b"x"] * 1_000)
        return app.stats().store.flushes

    assert count("one", flush_count_max=1) > count("many", flush_count_max=100)


@shows("linger")
def lingering(make: Callable[..., msgq.App]) -> None:
    def seconds(name: str, **settings: Any) -> float:
        queue = make(f"sqlite:///{name}.db", **settings).queue("q")
        queue.enqueue(b"warm")
        begin = time.monotonic()
        queue.enqueue(b"x")
        return time.monotonic() - begin

    assert seconds("late", linger="400ms") > 0.3


@shows("lease", "lease_max")
def leases(make: Callable[..., msgq.App]) -> None:
    queue = make(lease=0.2, lease_max=60).queue("q")
    queue.enqueue(b"x")
    (first,) = queue.claim(1, wait=SECONDS)
    (again,) = queue.claim(1, wait=BELOW_THE_PROFILE)
    assert again.fence > first.fence
    with pytest.raises(msgq.ConfigError, match="60 s"):
        queue.claim(1, lease=61)


@shows("claim_size", "prefetch")
def claims(make: Callable[..., msgq.App]) -> None:
    def most_held(**settings: Any) -> int:
        app = make(concurrency=1, **settings)
        stuck = Stuck(app)
        stuck.handler.enqueue_many(list(range(200)))
        with app.worker():
            stuck.wait_started()
            app.queue("q").claim(1, wait=0.2)  # one more look of the claimer
            held = app.stats().traffic_of("q").held
            stuck.release.set()
        return held

    def claim_count(**settings: Any) -> int:
        app = make(prefetch=500, **settings)
        fences: set[int] = set()

        @app.handler(queue="q", name="*")
        def handler(body: bytes, ctx: msgq.Context) -> None:
            fences.add(ctx.fence)

        app.queue("q").enqueue_many([b"x"] * 200)
        run_until_idle(app, timeout=SECONDS)
        return len(fences)

    assert most_held() <= 3
    assert most_held(prefetch=50) >= 20
    assert claim_count(claim_size=5) >= 200 // 7  # half as much again is taken rather than cut
    assert claim_count() < 10


@shows("schema", "create_schema")
def schemas(make: Callable[..., msgq.App]) -> None:
    with pytest.raises(msgq.SchemaError, match="create_schema is off"):
        make(POSTGRES, create_schema=False).open()
    with make(POSTGRES) as mine, make(POSTGRES, create_schema=False) as ours:
        mine.queue("q").enqueue(b"x")
        assert ours.queues() == ["q"]
    url, _, name = str(mine.config.url).rpartition("schema=")
    with make(url, schema=name) as ours:
        assert ours.queues() == ["q"]
    with pytest.raises(msgq.SchemaError, match="schema 'another'"):
        make(url, schema="another", create_schema=False).open()


@shows("connect_timeout")
def connecting(make: Callable[..., msgq.App]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        with pytest.raises(msgq.StoreUnavailableError, match="no connection within 200 ms"):
            make(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x", connect_timeout=0.2).open()
        assert time.monotonic() - begin < BELOW_THE_PROFILE


def lanes_of(url: str, schema: str) -> int:
    with psycopg.connect(url.rstrip("?&")) as connection:
        (found,) = connection.execute(f"select count(*) from {schema}.lane").fetchall()
        return int(found[0])


@shows("lanes")
def lanes(make: Callable[..., msgq.App]) -> None:
    with make(POSTGRES) as first:
        url, _, name = str(first.config.url).rpartition("schema=")
        for most, found in ((1, 1), (16, 2)):
            with make(url, schema=name, lanes=most) as second:
                for app in (first, second):
                    app.queue("q").enqueue(b"x")
            assert lanes_of(url, name) == found


@shows("strict_queues")
def strict(make: Callable[..., msgq.App]) -> None:
    with pytest.raises(msgq.NotFoundError):
        make(strict_queues=True).queue("unknown").enqueue(b"x")
    assert make().queue("unknown").enqueue(b"x").status == "persisted"


def most_at_once(app: msgq.App, declare: Callable[[Callable[[], None]], Any], wanted: int) -> int:
    gate = threading.Barrier(wanted, timeout=SECONDS)
    lock = threading.Lock()
    begun, running, most = [0], [0], [0]

    def body() -> None:
        with lock:
            begun[0] += 1
            running[0] += 1
            most[0] = max(most[0], running[0])
            is_early = begun[0] <= wanted
        if is_early:
            gate.wait()
        with lock:
            running[0] -= 1

    handler = declare(body)
    handler.enqueue_many(list(range(3 * wanted)))
    run_until_idle(app, timeout=SECONDS)
    return most[0]


@shows("concurrency")
def threads(make: Callable[..., msgq.App]) -> None:
    app = make(concurrency=3)

    def declare(body: Callable[[], None]) -> Any:
        @app.handler(queue="q")
        def handler(n: int) -> None:
            body()

        return handler

    assert most_at_once(app, declare, 3) == 3


@shows("async_concurrency")
def tasks(make: Callable[..., msgq.App]) -> None:
    app = make(async_concurrency=3)

    def declare(body: Callable[[], None]) -> Any:
        @app.handler(queue="q")
        async def handler(n: int) -> None:
            await asyncio.to_thread(body)

        return handler

    assert most_at_once(app, declare, 3) == 3


@shows("processes")
def processes(make: Callable[..., msgq.App]) -> None:
    app = make(processes=2)

    @app.handler()
    def handler(n: int) -> None: ...

    with pytest.raises(msgq.ConfigError, match="one process only"):
        app.run()


@shows("queue_order", "queue_weights")
def order(make: Callable[..., msgq.App]) -> None:
    def first_half(**settings: Any) -> Counter[str]:
        app = make(concurrency=1, claim_size=1, **settings)
        seen: list[str] = []
        for name in ("a", "b"):

            @app.handler(queue=name, name=name)
            def handler(n: int, ctx: msgq.Context) -> None:
                seen.append(ctx.queue)
                end = time.monotonic() + 0.008
                while time.monotonic() < end:
                    pass  # work of more than 5 ms: such messages are handed out one by one

            app.handlers[name].enqueue_many(list(range(40)))
        with app.worker(["a", "b"]) as worker:
            worker.run_until_idle(SECONDS)
        assert len(seen) == 80
        return Counter(seen[:40])

    strict_order = first_half(queue_order="strict")
    assert strict_order["a"] >= 36
    weighted = first_half(queue_order="weighted", queue_weights={"b": 9})
    assert weighted["b"] >= 28
    assert 12 <= first_half(queue_order="fair")["a"] <= 28


@shows("queue_transports")
def queue_transports(_make: Callable[..., msgq.App]) -> None:
    urls = {"default": "memory://", "fast": "memory://"}
    with msgq.App(urls=urls, profile="test", queue_transports="b=fast") as app:
        assert [app.queue(name).transport for name in "ab"] == ["default", "fast"]


@shows("dedup_window")
def dedup_window(make: Callable[..., msgq.App]) -> None:
    queue = make(dedup_window=0.001).queue("q")
    queue.enqueue(b"x", dedup="1")
    while queue.enqueue(b"x", dedup="1").status == "duplicate":
        pass  # its millisecond passes
    queue = make(dedup_window=3600).queue("q")
    queue.enqueue(b"x", dedup="1")
    assert queue.enqueue(b"x", dedup="1").status == "duplicate"


@shows("unroutable")
def unroutable(make: Callable[..., msgq.App]) -> None:
    with pytest.raises(msgq.UnroutableError):
        make().enqueue({"a": 1})
    app = make(unroutable="misc")
    app.enqueue({"a": 1})
    assert app.queues() == ["misc"]


@shows("hops_max")
def hops_max(make: Callable[..., msgq.App]) -> None:
    app = make(hops_max=3)
    app.forward("out", to="q")
    seen: list[int] = []

    @app.handler(queue="q", name="*")
    def handler(n: int) -> None:
        seen.append(n)
        app.queue("out").enqueue(n + 1)

    app.queue("q").enqueue(0)
    run_until_idle(app)
    assert seen == [0, 1, 2, 3]


@shows("hold_sends")
def hold_sends(make: Callable[..., msgq.App]) -> None:
    for held, sent in ((True, 0), (False, 1)):
        app = make(hold_sends=held, max_attempts=1)

        @app.handler(queue="q")
        def handler(n: int) -> None:
            app.queue("next").enqueue(b"x")  # noqa: B023 (run before the next round)
            raise ZeroDivisionError

        handler.enqueue(1)
        run_until_idle(app, ["q"])
        assert app.queue("next").depth().sent == sent


@shows("grace")
def grace(make: Callable[..., msgq.App]) -> None:
    app = make(grace=0.1)
    stuck = Stuck(app)
    stuck.handler.enqueue(1)
    worker = app.worker().start()
    stuck.wait_started()
    begin = time.monotonic()
    assert not worker.stop()
    assert time.monotonic() - begin < BELOW_THE_PROFILE
    stuck.release.set()


@shows("handler_timeout", "max_attempts")
def timeouts(make: Callable[..., msgq.App]) -> None:
    app = make(handler_timeout=0.1, max_attempts=2)
    release = threading.Event()

    @app.handler(queue="q")
    def handler(n: int) -> None:
        assert release.wait(SECONDS)

    handler.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    release.set()
    (dead,) = app.queue("q").dead()
    assert dead.failures == 2
    assert "took over 0.1 s" in dead.reason


@shows("unknown_handler", "unknown_delay_max")
def unknown(make: Callable[..., msgq.App]) -> None:
    def deal_with(**settings: Any) -> msgq.App:
        app = make(**settings)

        @app.handler(queue="q")
        def handler(n: int) -> None: ...

        app.queue("q").enqueue(b"nobody's")
        with app.worker():
            while not (app.queue("q").dead() or app.stats().traffic_of("q").snoozed):
                assert app.is_open
        return app

    assert len(deal_with(unknown_handler="dead").queue("q").dead()) == 1
    (parked,) = deal_with(unknown_delay_max=30).queue("q").peek()
    assert parked.due_at is not None
    assert parked.enqueued_at is not None
    # the profile allows 0.05 s
    assert (parked.due_at - parked.enqueued_at).total_seconds() > 0.9


@shows("priority_aging")
def aging(make: Callable[..., msgq.App]) -> None:
    def first(**settings: Any) -> str:
        queue = make(**settings).queue("q")
        queue.enqueue("low", priority="low")
        before = now_ms()
        while now_ms() < before + 50:
            pass
        queue.enqueue("high", priority="high")
        return str(queue.claim()[0].value())

    assert first(priority_aging=0) == "high"
    assert first(priority_aging=0.001) == "low", "it has waited for fifty steps"


@shows("dead_retention")
def dead_retention(make: Callable[..., msgq.App]) -> None:
    def is_swept(**settings: Any) -> bool:
        app = make(**settings)
        queue = app.queue("q")
        queue.enqueue(b"x")
        (delivery,) = queue.claim(wait=10)
        delivery.reject("no")
        return any(queue.depth().dead == 0 or queue.claim(wait=0.02) for _ in range(300))

    assert is_swept(dead_retention="1ms")
    assert not is_swept(dead_retention="1h")


@shows("expired")
def expired(make: Callable[..., msgq.App]) -> None:
    def left(**settings: Any) -> tuple[int, int]:
        queue = make(**settings).queue("q")
        queue.enqueue("x", ttl=0.01)
        before = now_ms()
        while now_ms() < before + 20:
            pass
        assert queue.claim(wait=0.1) == []
        return queue.depth().expired, queue.depth().dead

    assert left(expired="drop") == (1, 0)
    assert left(expired="dead") == (0, 1)


@shows("retry_base", "retry_cap", "retry_jitter")
def retries(make: Callable[..., msgq.App]) -> None:
    policy = make(retry_base=2, retry_cap=5, retry_jitter=0).policy()
    assert [policy.delay(n) for n in (1, 2, 3)] == [2, 4, 5]
    jittered = make(retry_base=2, retry_jitter=0.5).policy()
    assert jittered.delay(1, lambda: 0.0) == 1.0
    app = make(retry_base=3600, retry_cap=3600)

    @app.handler(queue="q")
    def handler(n: int) -> None:
        raise ValueError

    handler.enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    assert app.queue("q").depth().parked == 1


@shows("attempt_detail")
def detail(make: Callable[..., msgq.App]) -> None:
    def left_by_failing(kept: str) -> tuple[set[str], str]:
        app = make(attempt_detail=kept, max_attempts=1)

        @app.handler(queue="q")
        def handler(n: int) -> None:
            raise ValueError("of Ada")

        handler.enqueue(1)
        run_until_idle(app, timeout=SECONDS)
        (dead,) = app.queue("q").dead()
        return {"error", "text", "trace"} & set(dead.history[0]), dead.reason

    assert left_by_failing("trace")[0] == {"error", "text", "trace"}
    assert left_by_failing("text") == (
        {"error", "text"}, "failed 1 of 1 times; last: ValueError: of Ada",
    )  # fmt: skip
    assert left_by_failing("class") == ({"error"}, "failed 1 of 1 times; last: ValueError")


@shows("sync_raise")
def raising(make: Callable[..., msgq.App]) -> None:
    app = make("sync://", sync_raise=True, max_attempts=1)

    @app.handler(queue="q")
    def handler(n: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handler.enqueue(1)


@shows("close_timeout")
def closing(make: Callable[..., msgq.App]) -> None:
    app = make(close_timeout=0.2, grace=30)
    stuck = Stuck(app)
    stuck.handler.enqueue(1)
    app.worker().start()
    stuck.wait_started()
    begin = time.monotonic()
    app.close()
    assert time.monotonic() - begin < BELOW_THE_PROFILE
    stuck.release.set()
