"""All at once: clients killed, sessions terminated, the server killed, under load. K1, K2, K7, P1.

In rounds, each in a schema of its own on one server. Every acknowledged message is handled; nothing
is handled that was not sent; what is handled twice is what a killed worker had in its hands; no
message is stored twice because somebody sent it again. `make torture-pg` runs ten rounds: 500 kills
of clients, 20 of the server, 300 terminated sessions, a million acknowledged messages;
MSGQ_TORTURE_SCALE=0.1 makes it one round.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.oracle import Accounting, judge
from tests.oracle.accounting import NOTHING
from tests.support.postgres import PostgresServer
from tests.system.support.storm import HELD, Storm
from tests.system.support.world import World

ROUNDS = max(1, round(10 * float(os.environ.get("MSGQ_TORTURE_SCALE", "1"))))


@dataclass(frozen=True)
class Plan:
    """What one round holds at least."""

    acknowledged: int
    client_kills: int
    server_kills: int
    terminated: int


SMALL = Plan(acknowledged=2_000, client_kills=4, server_kills=1, terminated=4)
ROUND = Plan(acknowledged=100_000, client_kills=50, server_kills=2, terminated=30)


def run_round(folder: Path, server: PostgresServer, plan: Plan) -> Accounting:
    """One round; gives its numbers, or raises AssertionError with the verdict."""
    folder.mkdir()
    world = World(folder, f"{server.url}&schema={folder.name}")
    try:
        storm = Storm(world, server, load={"parcel": 100, "pace_s": 0.05})
        kills = plan.client_kills // 2
        faults = [storm.kill_worker] * kills + [storm.kill_producer] * kills
        faults += [storm.kill_server] * plan.server_kills
        faults += [storm.terminate_any] * plan.terminated
        storm.strike(faults, most_s=1.0)
        # what was sent when a producer died may not have been acknowledged
        enough = plan.acknowledged + 100 * storm.producer_kills
        world.until(lambda: storm.sent >= enough, "enough sent", seconds=300)
        storm.finish()
        verdict = judge(world.history(), storm.limits())
        assert verdict.is_good, f"seed {world.seed}: {verdict.text()}"
        assert verdict.accounting.acknowledged >= plan.acknowledged
        return verdict.accounting
    finally:
        world.close()


def test_a_small_storm(own_postgres: PostgresServer, tmp_path: Path) -> None:
    print(run_round(tmp_path / "storm", own_postgres, SMALL).line())


@pytest.mark.torture_pg
@pytest.mark.timeout(600 * ROUNDS)
def test_a_storm_of_a_million(
    own_postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sums = NOTHING
    for number in range(1, ROUNDS + 1):
        began = time.monotonic()
        sums += run_round(tmp_path / f"round_{number}", own_postgres, ROUND)
        with capsys.disabled():
            took = time.monotonic() - began
            print(f"\nround {number} of {ROUNDS}, {took:.0f} s: "
                  f"{sums.acknowledged:,} acknowledged; {sums.line()}", flush=True)  # fmt: skip
    with capsys.disabled():
        print(
            f"\n{ROUNDS * ROUND.client_kills} kills of clients, {ROUNDS * ROUND.server_kills} of "
            f"the server, {ROUNDS * ROUND.terminated} terminated connections, "
            f"{sums.acknowledged:,} acknowledged messages: {sums.line()}; "
            f"kills of workers explain {ROUNDS * ROUND.client_kills // 2 * HELD:,} duplicates"
        )
