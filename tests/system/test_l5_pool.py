"""L5: four connections for looks, 64 threads and an event loop: waits end, nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import psycopg
import pytest

import msgq
from tests.support.postgres import PostgresServer

LOOKS, POOL = 4, 7  # two writers, one for presence
HELD = "select count(*) from pg_stat_activity where application_name like 'msgq % look'"


def test_sixty_four_threads_share_four_connections(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    url = f"{postgres_url}&application_name=l5"
    with msgq.connect(url, pool_size=POOL, pool_wait=30) as client:
        client.queue("q").enqueue(b"x")
        failed: list[BaseException] = []

        def look() -> None:
            try:
                for _ in range(3):
                    assert client.queue("q").depth().waiting == 1
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=look) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        assert failed == []
        found = client.stats().connections
        assert found.size == POOL
        assert found.used + found.idle <= POOL
        assert found.waiting == 0
        assert found.borrows >= 192
        assert 0 < found.borrow_time_max <= found.borrow_time
        ((held,),) = postgres_server.execute(
            "select count(*) from pg_stat_activity where application_name like 'msgq l5 %'"
        )
        assert held == found.used + found.idle


@contextlib.contextmanager
def locked(server: PostgresServer, url: str):  # type: ignore[no-untyped-def]
    """While it lasts, no look comes to its end."""
    schema = url.rpartition("schema=")[2]
    with psycopg.connect(server.dsn) as other:
        other.execute(f"lock table {schema}.queue in access exclusive mode".encode())
        yield other


def test_who_waits_too_long_is_told_and_a_cancelled_wait_leaks_nothing(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """With every connection stuck, waits end after pool_wait; afterwards all are there again."""

    async def crowd(client: msgq.Client) -> list[object]:
        loop = asyncio.get_running_loop()
        executor_threads = [asyncio.to_thread(client.queues) for _ in range(LOOKS + 8)]
        tasks = [loop.create_task(each) for each in executor_threads]
        done, pending = await asyncio.wait(tasks, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
        for task in pending:
            task.cancel()
        results: list[object] = [task.exception() for task in done]
        await asyncio.gather(*pending, return_exceptions=True)
        return results

    settings = {"pool_size": POOL, "pool_wait": 0.2, "connect_timeout": 5}
    with msgq.connect(postgres_url, **settings) as client:
        client.queue("q").enqueue(b"x")
        with locked(postgres_server, postgres_url) as other:
            loop = asyncio.new_event_loop()
            loop.set_default_executor(_executor(LOOKS + 8))
            try:
                told = loop.run_until_complete(crowd(client))
                assert any(isinstance(each, msgq.StoreUnavailableError) for each in told), told
                assert all("pool_wait" in str(each) for each in told if each), told
                other.rollback()  # the stuck ones come to their end
                loop.run_until_complete(loop.shutdown_default_executor())
            finally:
                loop.close()
        for _ in range(LOOKS * 2):
            assert client.queues() == ["q"]
        found = client.stats().connections
        assert (found.waiting, found.used) == (0, POOL - LOOKS)


def _executor(threads: int):  # type: ignore[no-untyped-def]
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads)


@pytest.mark.parametrize("writers", [1, 2])
def test_a_process_holds_as_many_connections_as_it_was_allowed(
    postgres_server: PostgresServer, postgres_url: str, writers: int
) -> None:
    url = f"{postgres_url}&application_name=w{writers}"
    with msgq.App(url, writers=writers, pool_size=writers + 2, profile="test") as app:

        @app.handler(queue="q", name="h")
        def handler(n: int) -> None: ...

        handler.enqueue_many(list(range(500)))
        with app.worker() as worker:
            worker.run_until_idle(20)
            app.stats()
            roles = postgres_server.execute(
                "select split_part(application_name, ' ', 3), count(*) from pg_stat_activity "
                f"where application_name like 'msgq w{writers} %' group by 1 order by 1"
            )
            assert roles == [("look", 1), ("presence", 1), ("writer", writers)]
        assert app.stats().depth_of("q").done == 500
