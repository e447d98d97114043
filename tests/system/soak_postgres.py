"""The soak: steady load on PostgreSQL for an hour, a fault every half minute, and what came of it.

    python -m tests.system.soak_postgres --minutes 60 [--rate 1000] [--every 30]

The clients reach the server through the proxy. Faults, in random order: a worker or a producer is
killed, a connection terminated, the server restarted or killed, and what networks do, for five
seconds each. One producer and one worker are left alone: their memory is compared. Exit status 0
when the oracle is content.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.oracle import Limits, Verdict
from tests.oracle.history import History
from tests.oracle.shards import histories_in_shards, judge_in_shards
from tests.support.postgres import PostgresServer
from tests.support.proxy import Proxy
from tests.system.support.storm import Storm
from tests.system.support.usage import children, memory_bytes, tree_cpu_s
from tests.system.support.world import World

PARCEL = 10
TOXIC_S = 5.0
WARM_S = 20.0
TOXICS: dict[str, dict[str, float]] = {
    "50 ms of latency": {"latency": 0.05, "jitter": 0.02},
    "slices of 50 bytes": {"slices": 50, "slice_delay": 0.0005},
    "500 kB a second": {"bandwidth": 500_000},
    "a black hole": {"black_hole": True},
}


class Soak:
    """One run, in the world of clients that reach the server through the proxy."""

    def __init__(self, world: World, server: PostgresServer, proxy: Proxy, given: Any) -> None:
        self.world, self.server, self.proxy = world, server, proxy
        self.minutes, self.every = given.minutes, given.every
        load = {"parcel": PARCEL, "rate": given.rate / 2, "says": False}
        self.storm = Storm(world, server, spares=True, load=load)
        self.server_cpu_s = 0.0
        self.counts: dict[str, int] = {}

    # --- faults ---

    def faults(self) -> dict[str, Callable[[], None]]:
        """Every fault by its name."""
        found: dict[str, Callable[[], None]] = {
            "a worker killed": self.storm.kill_worker,
            "a producer killed": self.storm.kill_producer,
            "a connection terminated": self.storm.terminate_any,
            "the server restarted": lambda: self.counting(self.storm.restart_server),
            "the server killed": lambda: self.counting(self.storm.kill_server),
            "every connection reset": self.reset,
            "the network down": self.down,
        }
        for name, toxics in TOXICS.items():
            found[name] = lambda toxics=toxics: self.poison(toxics)  # type: ignore[misc]
        return found

    def counting(self, end_server: Callable[[], None]) -> None:
        """End the server; its CPU so far goes with it."""
        self.server_cpu_s += tree_cpu_s(self.server.pid)
        end_server()

    def poison(self, toxics: dict[str, float]) -> None:
        self.storm.await_ready()
        self.proxy.set("both", **toxics)
        self.world.listen(TOXIC_S)
        self.proxy.clear()

    def reset(self) -> None:
        self.storm.await_ready()
        self.proxy.reset()

    def down(self) -> None:
        self.storm.await_ready()
        self.proxy.down()
        self.world.listen(TOXIC_S)
        self.proxy.up()

    def strike(self, until: float) -> None:
        """A fault every so often, each kind before any comes again."""
        left: list[tuple[str, Callable[[], None]]] = []
        while True:
            self.world.listen(min(self.every, max(0.0, until - time.monotonic())))
            if time.monotonic() >= until - TOXIC_S:
                return
            if not left:
                left = list(self.faults().items())
                self.world.random.shuffle(left)
            name, fault = left.pop()
            print(f"{time.monotonic() - self.began:6.0f} s: {name}", flush=True)
            self.counts[name] = self.counts.get(name, 0) + 1
            fault()

    # --- the run ---

    def run(self) -> bool:
        """Run it all and print the report; whether the oracle is content."""
        self.began = time.monotonic()
        spared = {"producer": self.storm.producers[0], "worker": self.storm.workers[0]}
        self.world.listen(min(WARM_S, self.minutes * 15))
        memory = {name: memory_bytes(each.pid) for name, each in spared.items()}
        memory["server"] = self.server_memory()
        self.strike(self.began + self.minutes * 60)
        ended = {name: memory_bytes(each.pid) for name, each in spared.items()}
        ended["server"] = self.server_memory()
        seconds = time.monotonic() - self.began
        self.storm.finish()
        self.server_cpu_s += tree_cpu_s(self.server.pid)
        figures = spared["producer"].expect("sent", 1)
        times = Times()
        limits = self.storm.limits()
        verdict = judge_in_shards(times.read(histories_in_shards(self.world.histories)), limits)
        print(self.report(seconds, verdict, limits, times))
        for name, before in memory.items():
            print(f"memory of the {name}: {before >> 20} MB, at the end {ended[name] >> 20} MB")
        print(f"the spared producer's store: {figures['store']}")
        print(f"its longest enqueue: {figures['longest_s']:.2f} s")
        return verdict.is_good

    def server_memory(self) -> int:
        """Of the server and its sessions, what they share counted once."""
        pid = self.server.pid
        return sum(memory_bytes(each) for each in [pid, *children(pid)])

    def report(self, seconds: float, verdict: Verdict, limits: Limits, times: Times) -> str:
        sums = verdict.accounting
        p50, p95, p99, most = times.percentiles(50, 95, 99, 100)
        return "\n".join([
            f"== soak of {seconds / 60:.1f} minutes, seed {self.world.seed}",
            "faults: " + ", ".join(f"{n} x {name}" for name, n in sorted(self.counts.items())),
            f"rate: {sums.acknowledged / seconds:,.0f} acknowledged messages/s",
            f"end to end: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, most {most:.0f} ms",
            f"errors: {times.failed} of {sums.attempted} sends failed or in doubt "
            f"({100 * times.failed / max(1, sums.attempted):.4f} %)",
            f"CPU: clients {self.storm.client_cpu_s / seconds:.2f} cores, "
            f"server {self.server_cpu_s / seconds:.2f} cores",
            verdict.text(),
            f"bounds: duplicated {limits.duplicated_max}, recovered {limits.recovered_max}",
            "the oracle is content" if verdict.is_good else "THE ORACLE OBJECTS",
        ])  # fmt: skip


class Times:
    """From the call of each send to the first delivery, in ms, and how many sends went wrong."""

    def __init__(self) -> None:
        self.failed = 0
        self._taken: list[float] = []

    def read(self, histories: Iterator[History]) -> Iterator[History]:
        """Take the figures of each history that passes."""
        for history in histories:
            first = {name: each[0].seen_ns for name, each in history.deliveries_by_id().items()}
            for send in history.sends:
                self.failed += send.outcome != "ok"
                if send.id in first:
                    self._taken.append((first[send.id] - send.called_ns) / 1e6)
            yield history

    def percentiles(self, *wanted: float) -> list[float]:
        self._taken.sort()
        last = len(self._taken) - 1
        return [self._taken[round(last * each / 100)] for each in wanted]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--every", type=float, default=30)
    given: Any = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="msgq-soak-") as folder,
        PostgresServer(is_durable=True) as server,
        Proxy(server.port) as proxy,
        closing(World(Path(folder), server.tcp_url_at(proxy.port))) as world,
    ):
        return 0 if Soak(world, server, proxy, given).run() else 1


if __name__ == "__main__":
    sys.exit(main())
