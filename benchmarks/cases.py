"""Every benchmark of the runner: its question, its ceiling, its bars (the numbers N5 to N14)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import machine, profiling
from benchmarks.ceilings import queue_ceiling
from benchmarks.harness import Case, Figures, Row, Setting
from benchmarks.workloads.common import command

Plan = Mapping[str, Any]


def url_of(store: str, setting: Setting) -> str:
    """Give a fresh store of that kind."""
    if store == "memory":
        return "memory://"
    folder = setting.folder / "store"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return f"sqlite:///{folder}/bench.db"


def workload(name: str, store: str, plan: Plan) -> Callable[[Setting], Figures]:
    """Measure a workload in a process of its own, on a fresh store."""

    def measure(setting: Setting) -> Figures:
        full = {"seconds": setting.seconds, **plan, "url": url_of(store, setting)}
        return run_workload(name, full, setting)

    return measure


def run_workload(name: str, plan: Plan, setting: Setting) -> Figures:
    """Run a workload in a process of its own and give what it printed last."""
    done = subprocess.run(
        profiling.wrapped(command(name, plan), setting),
        cwd=machine.ROOT,
        env={**os.environ, **profiling.environment(setting)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return profiling.last_object(done.stdout)


def sqlite_ceiling(**arguments: object) -> Callable[[Setting], Figures]:
    """Bare SQLite, the same shape; `both` is the smaller of in and out."""

    def measure(setting: Setting) -> Figures:
        figures = machine.run_ceiling(
            "sqlite_ceiling", setting.folder / "ceiling.db", seconds=setting.seconds, **arguments
        )
        return {**figures, "both": min(figures["in_per_s"], figures["out_per_s"])}

    return measure


def flush_ceiling(flushes: int) -> Callable[[Setting], Figures]:
    """So many flushes of the disk, one after the other, in microseconds."""

    def measure(setting: Setting) -> Figures:
        times = machine.flush_times(setting.folder, min(setting.seconds, 1.0))
        return {name: times[f"{name}_us"] * flushes for name in ("p50", "p95", "p99")}

    return measure


def python_queues(setting: Setting) -> Figures:
    return queue_ceiling.measure(min(setting.seconds, 1.0))


def sqlite_flow() -> list[Case]:
    """N5: in and out at once on SQLite, each handler called per message, every commit flushed."""
    bars = {("bytes", 1000): 0.8, ("typed", 1000): 0.6}
    cases = []
    for kind in ("bytes", "typed"):
        for block in (1000, 100, 10):
            name = f"sqlite {kind} {block}"
            cases.append(
                Case(
                    "N5",
                    name,
                    f"SQLite, in and out at once, blocks of {block}, handler of {kind}",
                    workload("flow", "sqlite", {"kind": kind, "block": block}),
                    [Row(f"N5 {name}", "both", "msg/s", "both", bars.get((kind, block), 0.8))],
                    sqlite_ceiling(per_block=block),
                    "sqlite_ceiling",
                )
            )
    return cases


def sqlite_variants() -> list[Case]:
    """N5 beside the beaten road: a long backlog, several processes, one message a call."""
    plans: list[tuple[str, str, Plan, dict[str, object]]] = [
        ("backlog 1M", "a backlog of 1,000,000", {"backlog": 1_000_000}, {"backlog": 1_000_000}),
        ("1+1 processes", "one process enqueues, one handles", {"processes": 1}, {}),
        ("1+2 processes", "one process enqueues, two handle", {"processes": 2}, {}),
        ("batch handler", "a batch handler", {"kind": "batch"}, {}),
        ("one by one", "enqueue_later, one message a call", {"kind": "single"}, {}),
    ]
    return [
        Case(
            "N5",
            f"sqlite {name}",
            f"SQLite, in and out at once, blocks of 1000, {text}",
            workload("flow", "sqlite", {"kind": "bytes", **plan}),
            [Row(f"N5 sqlite {name}", "both", "msg/s", "both")],
            sqlite_ceiling(**arguments),
            "sqlite_ceiling",
        )
        for name, text, plan, arguments in plans
    ]


FEATURES: list[tuple[str, str, Plan, float]] = [
    ("priorities", "three priorities in turn", {"kind": "priorities"}, 0.9),
    ("ttl", "a ttl of an hour", {"kind": "ttl"}, 0.9),
    ("keys", "a million keys in turn", {"kind": "keyed", "keys": 1_000_000}, 0.6),
    ("one key", "all of one key", {"kind": "keyed", "keys": 1}, 0.6),
]
"""Name, text, plan of `flow`, bar: what is asked about in N16."""


def features() -> list[Case]:
    """N16: what a feature costs where it is used, beside the same flow without it."""
    return [
        Case(
            "N16",
            f"{store} {name}",
            f"{store}, in and out at once, blocks of 1000, {text}",
            workload("flow", store, plan),
            [Row(f"N16 {store} {name}", "both", "msg/s", "both", bar)],
            workload("flow", store, {"kind": "bytes"}),
            "the same without",
        )
        for store in ("sqlite", "memory")
        for name, text, plan, bar in FEATURES
    ]


def memory_flow() -> list[Case]:
    """N6: in and out at once in memory."""
    bars = {"bytes": 5e6, "typed": 2e6, "batch": 10e6}
    cases = [
        Case(
            "N6",
            f"memory {kind}",
            f"memory, in and out at once, blocks of 1000, handler of {kind}",
            workload("flow", "memory", {"kind": kind}),
            [Row(f"N6 memory {kind}", "both", "msg/s", bar=bar)],
        )
        for kind, bar in bars.items()
    ]
    single = Case(
        "N6",
        "memory one by one",
        "memory, in and out at once, one enqueue a message, against queue.Queue",
        workload("flow", "memory", {"kind": "one", "block": 100}),
        [Row("N6 memory one by one", "both", "msg/s", "queue_per_s", 2.0)],
        python_queues,
        "queue.Queue, one thread on each side",
    )
    return [*cases, single]


def idle_latency() -> list[Case]:
    """N7: from enqueue to the handler's start, on an idle queue."""
    durable = "2 flushes of the disk: the message, then its attempt"
    places = [("memory", False), ("sqlite", False), ("sqlite", True)]
    cases = []
    for store, across in places:
        name = f"{store} {'across processes' if across else 'one process'}"
        floor = flush_ceiling(2) if store == "sqlite" else None
        bars = (1_500.0, 5_000.0) if across else (1_000.0, None)
        cases.append(
            Case(
                "N7",
                name,
                f"idle queue, {name}: enqueue called until the handler starts",
                workload("latency", store, {"across": across}),
                [
                    Row(f"N7 {name} p50", "p50", "us", bar=bars[0], less_is_better=True),
                    Row(f"N7 {name} p99", "p99", "us", bar=bars[1], less_is_better=True),
                    *([Row(f"N7 {name} floor", "p50", "us", "p50", None, True)] if floor else []),
                ],
                floor,
                durable if floor else "",
            )
        )
    return cases


def overhead() -> list[Case]:
    """N8: what msgq adds around a handler."""
    return [
        Case(
            "N8",
            f"{store} {kind}",
            text,
            workload("overhead", store, {"kind": kind}),
            [Row(f"N8 {store} {kind}", value, unit, bar=bar, less_is_better=True)],
        )
        for store in ("memory", "sqlite")
        for kind, text, value, unit, bar in (
            ("batch", f"{store}: overhead a message, batches of 1000", "us_per_message", "us", 2.0),
            ("slow", f"{store}: overhead around 1 ms handlers", "share", "share", 0.1),
        )
    ]


def footprint() -> list[Case]:
    """N9: memory while in flight, and over millions."""
    return [
        Case(
            "N9",
            f"{store} {kind}",
            text,
            workload("footprint", store, {"kind": kind}),
            [Row(f"N9 {store} {kind}", value, "MB", bar=bar, less_is_better=True)],
        )
        for store in ("memory", "sqlite")
        for kind, text, value, bar in (
            ("flight", f"{store}: 10,000 messages held in handlers", "mb_in_flight", 50.0),
            ("flat", f"{store}: growth from 1 M to 10 M messages", "growth_mb", 20.0),
        )
    ]


def awaiting() -> list[Case]:
    """N13: asyncio on both ends."""
    return [
        Case(
            "N13",
            f"{store} {kind}",
            text,
            workload("awaiting", store, {"kind": kind}),
            [Row(f"N13 {store} {kind}", "per_s", "msg/s", bar=100_000.0)],
        )
        for store in ("sqlite", "memory")
        for kind, text in (
            ("enqueue", f"{store}: 1,000 tasks each awaiting aenqueue one by one"),
            ("handle", f"{store}: async handlers, 1,000 in flight"),
        )
    ]


def cost() -> list[Case]:
    """N14: CPU and latency of a steady trickle in one process."""
    cases = []
    for store in ("sqlite", "memory"):
        for rate in (1_000, 1_667, 10_000):
            name = f"{store} {rate}/s"
            rows = [
                Row(f"N14 {name} CPU", "cpu_s_per_million", "s/M", less_is_better=True),
                Row(f"N14 {name} p50", "ms_p50", "ms", bar=2.0, less_is_better=True),
                Row(f"N14 {name} p95", "ms_p95", "ms", less_is_better=True),
                Row(f"N14 {name} p99", "ms_p99", "ms", bar=20.0, less_is_better=True),
            ]
            if rate == 1_667:
                rows.append(Row(f"N14 {name} core", "core_share", "share", "", 0.1, True))
            question = f"{store}: enqueue to settle at {rate} msg/s, one process"
            cases.append(Case("N14", name, question, workload("cost", store, {"rate": rate}), rows))
    return cases


def profiles() -> list[Case]:
    """One row for each `profile=`: what it does to throughput, latency and CPU on SQLite."""
    cases = []
    for profile in ("throughput", "latency", "low-resource", "test"):
        plan = {"profile": profile}
        for name, work, extra, row in (
            ("flow", "flow", {"kind": "typed"}, Row("", "both", "msg/s")),
            ("idle p50", "latency", {}, Row("", "p50", "us", less_is_better=True)),
            ("CPU", "cost", {}, Row("", "cpu_s_per_million", "s/M", less_is_better=True)),
        ):
            title = f"profile {profile} {name}"
            named = Row(title, row.value, row.unit, less_is_better=row.less_is_better)
            cases.append(
                Case(
                    "profile",
                    f"{profile} {name}",
                    f"SQLite with profile={profile}: {name}",
                    workload(work, "sqlite", {**plan, **extra}),
                    [named],
                )
            )
    return cases


def all_cases() -> list[Case]:
    """Give every case, in the order of the table."""
    groups = (
        sqlite_flow,
        sqlite_variants,
        features,
        memory_flow,
        idle_latency,
        overhead,
        footprint,
        awaiting,
        cost,
        profiles,
    )
    return [case for group in groups for case in group()]
