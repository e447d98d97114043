"""Keys, dedup ids and a subscription at once, while workers die (K1) and sessions are ended (P1).

Producers send parcels with keys, each message with a dedup id, and some of them twice. Workers of
the queue and of a subscription of it retry, reject and are killed. Of both readers each message is
handled, as one message, and each key in its order.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.oracle import Limits, duplicate_bound
from tests.support.postgres import PostgresServer
from tests.system.support.key_order import broken_orders
from tests.system.support.program import Program
from tests.system.support.world import QUEUE, World
from tests.system.test_o1_keys import HELD, KEYS, SETTINGS, place_of

READER = "audit"
REMEMBERS = {"dedup_window": 3600.0}


class Crew:
    """Workers of one reader, who write down what they do in a world of its own."""

    def __init__(self, world: World, subscription: str | None) -> None:
        self.world = world
        self.queue = QUEUE if subscription is None else f"{QUEUE}@{subscription}"
        self.subscription = subscription
        self.kills = 0
        self.workers = [self.start(f"{self.queue}-{number}.0") for number in range(2)]

    def start(self, client: str) -> Program:
        return self.world.start("failing", client, subscription=self.subscription,
                                settings=SETTINGS)  # fmt: skip

    def kill_one(self) -> None:
        """Kill a worker, and start another in its place."""
        self.kills += 1
        chosen = self.world.random.randrange(len(self.workers))
        self.world.kill(self.workers[chosen])
        self.workers[chosen] = self.start(f"{self.queue}-{chosen}.{self.kills}")

    def leave(self) -> None:
        """Drain the queue and end the workers: each must leave well."""
        self.world.until(lambda: self.world.depth(self.queue).depth == 0, f"{self.queue} is empty")
        for worker in self.workers:
            worker.expect("ready")
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0, worker.words()

    def judge(self, sent: int) -> None:
        """Every message once, and every key in order."""
        self.world.note_end(self.queue)
        history = self.world.history()
        assert len(history.sends) == sent
        again = len(history.deliveries) - sent
        print(f"{self.queue}: {self.kills} kills, {sent} messages, {again} deliveries more")
        bound = duplicate_bound(consumer_kills=self.kills, held=HELD)
        self.world.judge(
            Limits(duplicated_max=bound, recovered_max=0, needs_empty_end=True,
                   needs_settled=True), history
        )  # fmt: skip
        broken = list(broken_orders(history, place_of))
        assert not broken, f"seed {self.world.seed}: {broken[:10]}, {len(broken)} in all"


@contextmanager
def beside(world: World) -> Iterator[World]:
    """Another world on the same store, with histories of its own."""
    folder = world.folder / READER
    folder.mkdir()
    other = World(folder, world.url)
    try:
        yield other
    finally:
        other.close()


def run_all(world: World, rounds: int, disturb: Callable[[], None]) -> None:
    """Send, handle, kill and disturb; drain; judge both readers."""
    world.queue().subscribe(READER)
    with beside(world) as other:
        senders = [
            world.start("produce", f"producer-{number}", parcel=4, pace_s=0.03, keys=KEYS, again=3,
                        says=False, settings=REMEMBERS)
            for number in range(2)
        ]  # fmt: skip
        crews = [Crew(world, None), Crew(other, READER)]
        for program in (*senders, *crews[0].workers, *crews[1].workers):
            program.expect("ready")
        for number in range(rounds):
            world.listen(world.random.uniform(0.1, 0.5))
            disturb()
            crews[number % 2].kill_one()
        for sender in senders:
            sender.tell("end")
            assert sender.wait() == 0, sender.words()
        for crew in crews:
            crew.leave()
        told = [status for each in senders for said in each.said("again")
                for status in said["statuses"]]  # fmt: skip
        assert set(told) == {"duplicate"}, set(told)
        for sender in senders:
            shutil.copy(world.histories / f"{sender.client}.history", other.histories)
        for crew in crews:
            crew.judge(len(world.history().sends))


def test_in_a_file(file_world: World) -> None:
    run_all(file_world, 4, lambda: None)


def test_on_a_server(pg_world: World, postgres_server: PostgresServer) -> None:
    run_all(pg_world, 4, postgres_server.terminate_any)


@pytest.mark.torture
@pytest.mark.timeout(400)
def test_in_a_file_through_thirty_kills(file_world: World) -> None:
    run_all(file_world, 30, lambda: None)


@pytest.mark.torture
@pytest.mark.timeout(400)
def test_on_a_server_through_thirty_kills(pg_world: World, postgres_server: PostgresServer) -> None:
    run_all(pg_world, 30, postgres_server.terminate_any)
