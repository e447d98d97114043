"""A storm: producers and workers on one queue, and faults that strike them, their connections, and
the server. Whoever is killed is started again under a new name. One thread.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Any

from tests.oracle import Limits, duplicate_bound, recovered_bound
from tests.support.postgres import PostgresServer
from tests.system.support.program import Program
from tests.system.support.usage import cpu_s
from tests.system.support.world import World

SLOTS, AHEAD = 8, 24
HELD = (SLOTS + AHEAD) * 3 // 2
"""Slots and prefetch; and a claim takes half as much again rather than cutting a block."""
SETTINGS = {"concurrency": SLOTS, "prefetch": AHEAD, "lease": 5.0}


class Storm:
    """`lives`: how many producers, and how many workers; of each the first is never killed when
    `spares` is set. `load` are the orders of a producer.
    """

    def __init__(
        self,
        world: World,
        server: PostgresServer,
        *,
        lives: int = 2,
        spares: bool = False,
        load: dict[str, Any],
    ) -> None:
        self.world = world
        self.server = server
        self.producer_kills = 0
        self.worker_kills = 0
        self.client_cpu_s = 0.0
        self._first = 1 if spares else 0
        self._load = load
        self._started = 0
        self.producers = [self._start("produce") for _ in range(lives)]
        self.workers = [self._start("work") for _ in range(lives)]
        self.await_ready()

    def _start(self, name: str) -> Program:
        self._started += 1
        orders = self._load if name == "produce" else {"settings": SETTINGS, "hold_s": 0.002}
        return self.world.start(name, f"{name}-{self._started}", **orders)

    def _replace(self, programs: list[Program], name: str) -> None:
        chosen = self.world.random.randrange(self._first, len(programs))
        self.client_cpu_s += cpu_s(programs[chosen].pid)
        self.world.kill(programs[chosen])
        programs[chosen] = self._start(name)

    # --- faults ---

    def kill_worker(self) -> None:
        """SIGKILL one, whatever it holds."""
        self.worker_kills += 1
        self._replace(self.workers, "work")

    def kill_producer(self) -> None:
        """SIGKILL one, which is likely to be sending."""
        self.producer_kills += 1
        self._replace(self.producers, "produce")

    def terminate_any(self) -> None:
        """End a session of somebody's."""
        self.await_ready()
        self.server.terminate_any()

    def kill_server(self) -> None:
        """SIGKILL the server and all its sessions; it is back within half a second."""
        self.await_ready()
        self.server.kill()
        self.world.listen(self.world.random.uniform(0.0, 0.5))
        self.server.start()

    def restart_server(self) -> None:
        """The same in good order."""
        self.await_ready()
        self.server.stop()
        self.world.listen(self.world.random.uniform(0.0, 0.5))
        self.server.start()

    def await_ready(self) -> None:
        """Wait until all are open: who finds no server at its start is told so and ends."""
        for program in [*self.producers, *self.workers]:
            program.expect("ready")

    def strike(self, faults: Sequence[Callable[[], None]], most_s: float) -> None:
        """Let each fault happen, in random order, up to `most_s` after the one before."""
        faults = list(faults)
        self.world.random.shuffle(faults)
        for fault in faults:
            self.world.listen(self.world.random.uniform(0.0, most_s))
            fault()

    # --- the end ---

    @property
    def sent(self) -> int:
        """How many messages producers were about to send so far."""
        parcels = sum(len(each.said("sending")) for each in self.world.programs)
        return parcels * int(self._load["parcel"])

    def finish(self) -> None:
        """End the producers, drain the queue, end the workers: each must leave well."""
        for producer in self.producers:
            producer.expect("ready")
            self.client_cpu_s += cpu_s(producer.pid)
            producer.tell("end")
        for producer in self.producers:
            assert producer.wait(90) == 0, producer.words()
        self.world.drained(120)
        for worker in self.workers:
            worker.expect("ready")
            self.client_cpu_s += cpu_s(worker.pid)
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0, worker.words()
        self.world.note_end()

    def limits(self) -> Limits:
        """What the kills explain: settles are synchronous, so the server's own death adds none."""
        parcel = int(self._load["parcel"])
        return Limits(
            duplicated_max=duplicate_bound(consumer_kills=self.worker_kills, held=HELD),
            recovered_max=recovered_bound(producer_kills=self.producer_kills, in_flight=parcel),
            needs_empty_end=True,
            needs_settled=True,
        )
