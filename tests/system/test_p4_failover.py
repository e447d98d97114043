"""P4, P5: the primary dies, its standby takes over, and the engines follow it.

All of them know both servers by one URL. With a synchronous standby nothing that was acknowledged
is lost. With an asynchronous one what it had not received is: exactly that, and no more.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import msgq
from tests.oracle import Limits
from tests.support.postgres import DATABASE, USER, PostgresServer
from tests.support.standby import Standby
from tests.system.support.world import World
from tests.system.test_k1_worker_kills import HELD, SETTINGS, finish

FOLLOW_S = 10.0


def url_of(*servers: PostgresServer) -> str:
    places = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://{USER}@{places}/{DATABASE}"


@pytest.fixture
def failing_world(own_postgres: PostgresServer, tmp_path: Path) -> Iterator[tuple[World, Standby]]:
    """A world on a primary with a synchronous standby, whose programs know both."""
    with Standby(own_postgres, synchronous=True) as standby:
        made = World(tmp_path, url_of(own_postgres, standby))
        yield made, standby
        made.close()


def test_p4_the_engines_follow_a_promotion(
    failing_world: tuple[World, Standby], own_postgres: PostgresServer
) -> None:
    world, standby = failing_world
    producers = [world.start("produce", f"producer-{i}", parcel=20, pace_s=0.02) for i in range(2)]
    workers = [world.start("work", f"worker-{i}", settings=SETTINGS, says=True) for i in range(2)]
    for program in [*producers, *workers]:
        program.expect("ready")
    world.listen(1.0)
    own_postgres.kill()
    standby.promote()
    seen = [len(worker.said("finished")) for worker in workers]
    took = world.until(
        lambda: all(
            len(worker.said("finished")) > before
            for worker, before in zip(workers, seen, strict=True)
        ),
        "every worker has gone on",
        FOLLOW_S,
    )
    print(f"handled again {took:.2f} s after the promotion")
    own_postgres.start()  # it believes that it is a primary still; nobody may listen to it
    own_postgres.execute("alter system set default_transaction_read_only = on")
    own_postgres.execute("select pg_reload_conf()")
    finish(world, producers, workers)
    world.note_end()
    world.judge(
        Limits(duplicated_max=2 * HELD, recovered_max=0, needs_empty_end=True, needs_settled=True)
    )


def test_a_server_that_takes_no_writes_any_more_is_left(own_postgres: PostgresServer) -> None:
    """Set to read only under its clients, it gets no write; the other host does."""
    with Standby(own_postgres, synchronous=True) as standby:
        with msgq.connect(url_of(own_postgres, standby)) as client:
            queue = client.queue("q")
            queue.enqueue(b"before")
            standby.wait_caught_up()
            standby.promote()
            own_postgres.execute("alter system reset synchronous_standby_names")
            own_postgres.execute("alter system set default_transaction_read_only = on")
            own_postgres.execute("select pg_reload_conf()")
            with psycopg.connect(own_postgres.dsn, autocommit=True) as settled:
                while settled.execute("show default_transaction_read_only").fetchone() != ("on",):
                    continue
            queue.enqueue(b"after")
            bodies = {each.body for each in queue.peek(10)}
            assert bodies == {b"before", b"after"}
            assert client.stats().connections.reconnects > 0
        found = standby.execute("select sum(sent)::int from msgq.depth()")
        assert found == [(2,)]
        old = own_postgres.execute("select sum(sent)::int from msgq.depth()")
        assert old == [(1,)], "nothing was written on the old one"


def test_p5_an_asynchronous_standby_lacks_what_it_had_not_received(
    own_postgres: PostgresServer,
) -> None:
    """The loss is what was committed after the standby was cut off, counted to the message."""
    with Standby(own_postgres) as standby:
        with msgq.connect(url_of(own_postgres, standby)) as client:
            queue = client.queue("q")
            for number in range(50):
                queue.enqueue(str(number).encode())
            standby.wait_caught_up()
            standby.stop()  # hears no more
            for number in range(50, 80):
                queue.enqueue(str(number).encode())
            own_postgres.kill()
            standby.start()
            standby.promote()
            queue.enqueue(b"80")
            kept = {int(each.body) for each in queue.peek(100)}
        lost = set(range(81)) - kept
        print(f"lost {len(lost)} of 81")
        assert lost == set(range(50, 80))


def test_a_standby_alone_is_refused_or_waited_for(own_postgres: PostgresServer) -> None:
    with Standby(own_postgres) as standby:
        with pytest.raises(msgq.StoreUnavailableError, match=re.compile("read-only|25006")):
            msgq.connect(url_of(standby, standby)).open()
        began = time.monotonic()
        own_postgres.kill()
        standby.promote()
        with msgq.connect(url_of(own_postgres, standby), start_wait=FOLLOW_S) as client:
            client.queue("q").enqueue(b"x")
        print(f"open {time.monotonic() - began:.2f} s after the primary was gone")
