"""The benchmarks of PostgreSQL run, on a server that really flushes, and count what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.database import Database
from benchmarks.harness import Setting
from benchmarks.postgres_cases import PACE, all_cases, ceiling, workload
from benchmarks.server_settings import changed
from tests.support.postgres import PostgresServer

SECONDS = 0.2
PLANS: dict[str, tuple[str, dict[str, Any]]] = {
    "in and out": ("flow", {**PACE, "kind": "typed", "pin": "tables", "traffic": True}),
    "backlog": ("drain", {"backlog": 2_000}),
    "burst": ("burst", {"messages": 500}),
    "many queues": ("spread", {"queues": 5}),
    "trickle": ("cost", {"rate": 200}),
}


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A durable server, where there is a server at all."""
    with Database({"shared_buffers": "16MB"}) as made:
        yield made


@pytest.fixture
def setting(database: Database, tmp_path: Path) -> Setting:
    return Setting(tmp_path, seconds=SECONDS, runs=1, database=database)


@pytest.mark.parametrize("name", PLANS)
def test_workload_runs(name: str, setting: Setting) -> None:
    program, plan = PLANS[name]
    figures = workload(program, plan)(setting)
    assert all(value >= 0 for value in figures.values())
    assert figures["wal_bytes"] > 0


def test_the_server_counts_a_flush_for_each_lone_call(setting: Setting) -> None:
    figures = workload("singles", {"threads": 1})(setting)
    # The rate is that of the time after the warm-up, so there were more calls than this.
    assert figures["wal_flushes"] >= figures["per_s"] * SECONDS > 0


def test_a_setting_of_the_server_is_changed_and_changed_back(database: Database) -> None:
    before = database.describe()["shared_buffers"]
    with changed(database, {"shared_buffers": "8MB"}):
        assert database.describe()["shared_buffers"] == "8MB"
    assert database.describe()["shared_buffers"] == before


@pytest.mark.parametrize("plan", [{}, {"rtt_ms": 1.0}], ids=["socket", "TLS and a delay"])
def test_ceiling_counts_what_it_commits(plan: dict[str, Any], setting: Setting) -> None:
    figures = ceiling(plan, per_block=10)(setting)
    assert figures["both"] == min(figures["in_per_s"], figures["out_per_s"])
    assert figures["commits"] >= figures["in_per_s"] / 10 * SECONDS


def test_rows_have_names_of_their_own() -> None:
    names = Counter(row.id for case in all_cases() for row in case.rows)
    assert [name for name, count in names.items() if count > 1] == []
