"""PgQueuer: asyncpg, uvloop, batches of 250, durability `durable`, its own autovacuum tuning.

Plan: dsn, kind (one, bulk, both), seconds. Gives `per_s`; of `both` what its handler was called
with.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pgqueuer import AsyncpgDriver, Job, Queries, QueueManager

from benchmarks.peers.common import (
    AHEAD_MAX,
    BATCH,
    CALL,
    WARM_S,
    Counter,
    connection_words,
    count,
    main,
    start_producer,
)

BODY = json.dumps(CALL).encode()
SCHEMA = "peer"


async def connect(plan: Mapping[str, Any]) -> asyncpg.Connection:
    words = connection_words(plan["dsn"])
    return await asyncpg.connect(
        host=words["host"],
        port=int(words["port"]),
        user=words["user"],
        database=words["dbname"],
        server_settings={"search_path": SCHEMA},
    )


async def send(plan: Mapping[str, Any], sent: Counter, done: Counter) -> None:
    """Enqueue batches, not too far ahead when somebody handles; single messages for `one`."""
    queries = Queries(AsyncpgDriver(await connect(plan)))
    while True:
        if plan["kind"] == "both" and sent.value - done.value >= AHEAD_MAX:
            await asyncio.sleep(0.0005)
        elif plan["kind"] == "one":
            await queries.enqueue("count", BODY)
            sent.add(1)
        else:
            await queries.enqueue(["count"] * BATCH, [BODY] * BATCH, [0] * BATCH)
            sent.add(BATCH)


def produce(plan: Mapping[str, Any], sent: Counter, done: Counter) -> None:
    uvloop.install()
    asyncio.run(send(plan, sent, done))


async def rate_of(counter: Counter, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    while counter.value == 0:  # noqa: ASYNC110, another process counts
        await asyncio.sleep(0.005)
    await asyncio.sleep(WARM_S)
    start_s, before = loop.time(), counter.value
    await asyncio.sleep(seconds)
    return (counter.value - before) / (loop.time() - start_s)


async def measure(plan: Mapping[str, Any]) -> float:
    connection = await connect(plan)
    await connection.execute(f"create schema {SCHEMA}")
    driver = AsyncpgDriver(connection)
    await Queries(driver).install()
    await Queries(driver).optimize_autovacuum()
    sent, done = Counter(), Counter()
    producer = start_producer(produce, plan, sent, done)
    if plan["kind"] != "both":
        rate = await rate_of(sent, plan["seconds"])
    else:
        manager = QueueManager(Queries(driver))

        @manager.entrypoint("count")  # type: ignore[untyped-decorator, unused-ignore]
        async def handle(job: Job) -> None:
            count(**json.loads(job.payload or b"{}"))
            done.add(1)

        worker = asyncio.create_task(
            manager.run(batch_size=250, dequeue_timeout=timedelta(seconds=1))
        )
        rating = asyncio.create_task(rate_of(done, plan["seconds"]))
        await asyncio.wait((worker, rating), return_when=asyncio.FIRST_COMPLETED)
        manager.shutdown.set()
        await worker
        rate = await rating
    producer.kill()
    return rate


def work(plan: Mapping[str, Any]) -> float:
    uvloop.install()
    return asyncio.run(measure(plan))


if __name__ == "__main__":
    main(work)
