"""The questions about PostgreSQL: N1 to N15 of it, long backlogs, bursts, many queues, peers."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import machine, peers
from benchmarks.cases import FEATURES, Plan, run_workload
from benchmarks.database import SCHEMA, Database, Place
from benchmarks.harness import Case, Figures, Row, Setting, SkippedError

Measure = Callable[[Setting], Figures]

# Looking at the depth of a queue is a query: producers do it seldom, and may run further ahead.
PACE: Plan = {"look_s": 0.05, "backlog_max": 200_000}
KINDS: dict[str, Plan] = {"N1": {"worker": False}, "N2": {"kind": "batch"}, "N3": {"kind": "typed"}}


def database_of(setting: Setting) -> Database:
    if setting.database is None:
        raise SkippedError("there is no server")
    return setting.database


@contextlib.contextmanager
def place_of(setting: Setting, plan: Plan) -> Iterator[Place]:
    """Where a plan wants to meet the server: on its socket, a round trip away, behind a pooler."""
    database = database_of(setting)
    with contextlib.ExitStack() as open_ways:
        if "rtt_ms" in plan:
            yield open_ways.enter_context(database.over(plan["rtt_ms"]))
        elif plan.get("pooled"):
            yield open_ways.enter_context(pooled(database))
        else:
            yield Place(database.url, database.dsn)


@contextlib.contextmanager
def pooled(database: Database) -> Iterator[Place]:
    """Reach the server through a PgBouncer in transaction mode."""
    try:
        module = importlib.import_module("tests.support.pgbouncer")
    except ImportError as error:
        raise SkippedError(f"there is no PgBouncer to go through: {error}") from error
    with module.PgBouncer(database.url) as bouncer:
        yield Place(f"{bouncer.url}&pgbouncer=1&schema={SCHEMA}", bouncer.url)


def counted(database: Database, measure: Callable[[], Figures]) -> Figures:
    """Measure on an empty schema, and add what the server counted meanwhile."""
    database.fresh()
    before = database.counters()
    figures = dict(measure())
    after = database.counters()
    return {**figures, **{name: after[name] - before[name] for name in after}}


def workload(name: str, plan: Plan) -> Measure:
    """Measure msgq, in a process of its own, on a fresh schema."""

    def measure(setting: Setting) -> Figures:
        database = database_of(setting)
        with place_of(setting, plan) as place:
            asked = {"url": place.url, "dsn": database.dsn, "server_pid": database.pid}
            seconds = setting.hold_s if plan.get("holds") else setting.seconds
            full = {**asked, "seconds": seconds, **plan}
            if plan.get("backlog") == "asked":
                full["backlog"] = setting.backlog
            return counted(database, lambda: run_workload(name, full, setting))

    return measure


def ceiling(plan: Plan, **arguments: Any) -> Measure:
    """Bare libpq; `both` is the smaller of in and out, or `in` when nobody takes out."""

    def measure(setting: Setting) -> Figures:
        asked = {"seconds": setting.seconds + 0.5, "pooled": int("pooled" in plan), **arguments}
        with place_of(setting, plan) as place:
            figures = counted(
                database_of(setting), lambda: machine.run_ceiling("pg_ceiling", place.dsn, **asked)
            )
        sides = ("in_per_s", "out_per_s") if figures["consumers"] else ("in_per_s",)
        return {**figures, "both": min(figures[side] for side in sides)}

    return measure


def flush_ceiling(flushes: int) -> Measure:
    """So many flushes of the server's disk, one after the other, in microseconds."""

    def measure(setting: Setting) -> Figures:
        times = database_of(setting).flush_times(min(setting.seconds, 1.0))
        return {name: times[f"{name}_us"] * flushes for name in ("p50", "p95", "p99")}

    return measure


def flow_case(number: str, name: str, plan: Plan, block: int, bar: float | None) -> Case:
    """In, or in and out, beside the bare block log of the same calls."""
    consumers = 0 if plan.get("worker") is False else 1
    asks = "in" if consumers == 0 else "in and out at once"
    return Case(
        number,
        name,
        f"{asks}, calls of {block}, {name}",
        workload("flow", {**PACE, "block": block, **plan}),
        [Row(f"{number} {name}", "both", "msg/s", "both", bar)],
        ceiling(plan, per_block=block, consumers=consumers),
        f"pg_ceiling, 1 producer, {consumers} consumers",
    )


def enqueue_many() -> list[Case]:
    """N1: enqueue_many alone."""
    return [
        flow_case("N1", f"1000, {window} in flight", {**KINDS["N1"], "window": window}, 1000, 0.85)
        for window in (1, 4)
    ]


def in_and_out() -> list[Case]:
    """N2, N3: in and out at once; batch 10 and batch 1."""
    cases = [
        flow_case("N2", f"batch handler {block}", {**KINDS["N2"], "window": 4}, block, 0.85)
        for block in (1000, 100)
    ]
    for processes, where in ((0, "one process"), (1, "1+1 processes")):
        for block in (1000, 100):
            plan = {**KINDS["N3"], "window": 4, "processes": processes}
            cases.append(flow_case("N3", f"typed {block} {where}", plan, block, 0.75))
    for kind, block, window in (("bytes", 10, 1), ("one", 1, 1), ("bytes", 10, 8)):
        name = f"batch {block}, {window} in flight"
        cases.append(flow_case("small", name, {"kind": kind, "window": window}, block, 0.8))
    return cases


def features() -> list[Case]:
    """N16: what a feature costs where it is used, beside the same flow without it."""
    plain: Plan = {**PACE, "block": 1000, "window": 4}
    return [
        Case(
            "N16",
            name,
            f"in and out at once, calls of 1000, {text}",
            workload("flow", {**plain, **own}),
            [Row(f"N16 {name}", "both", "msg/s", "both", bar)],
            workload("flow", {**plain, "kind": "bytes"}),
            "the same without",
        )
        for name, text, own, bar in FEATURES
    ]


def one_by_one() -> list[Case]:
    """N4: threads and processes that enqueue one message after the other."""
    asked: list[tuple[str, Plan, dict[str, int], float]] = [
        ("32 threads", {"threads": 32}, {"producers": 8}, 3.5),
        ("128 threads", {"threads": 128}, {"producers": 8}, 4.5),
        ("16 processes", {"processes": 16}, {"producers": 16}, 0.8),
        ("one thread", {"threads": 1}, {"producers": 1}, 0.8),
        ("one thread, bare", {"threads": 1}, {"producers": 1, "bare": 1}, 0.8),
    ]
    cases = [one_by_one_case("N4", *each) for each in asked]
    paced = Case(
        "N4",
        "10,000/s",
        "32 threads enqueue 10,000 a second one by one: how long does a call take",
        workload("singles", {"threads": 32, "rate": 10_000}),
        [
            Row("N4 10,000/s p50", "ms_p50", "ms", bar=1.0, less_is_better=True),
            Row("N4 10,000/s p99", "ms_p99", "ms", bar=10.0, less_is_better=True),
            Row("N4 10,000/s reached", "per_s", "msg/s", bar=9_900.0),
        ],
    )
    return [*cases, paced]


def one_by_one_case(
    number: str, name: str, plan: Plan, producers: dict[str, int], bar: float | None
) -> Case:
    return Case(
        number,
        name,
        f"{name} calling enqueue one by one, each durable on return",
        workload("singles", plan),
        [
            Row(f"{number} {name}", "per_s", "msg/s", "both", bar),
            Row(f"{number} {name} p50", "ms_p50", "ms", less_is_better=True),
            Row(f"{number} {name} p99", "ms_p99", "ms", less_is_better=True),
        ],
        ceiling(plan, per_block=1, consumers=0, **producers),
        f"pg_ceiling, one row a commit, {producers}",
    )


def idle_latency() -> list[Case]:
    """N7: from enqueue to the handler's start, on an idle queue."""
    cases = []
    for where, across, bars in (
        ("one process", False, (1_000.0, None)),
        ("across processes", True, (1_500.0, 5_000.0)),
    ):
        rows = [
            Row(f"N7 {where} p50", "p50", "us", bar=bars[0], less_is_better=True),
            Row(f"N7 {where} p99", "p99", "us", bar=bars[1], less_is_better=True),
            Row(f"N7 {where} floor", "p50", "us", "p50", None, True),
        ]
        question = f"idle queue, {where}: enqueue called until the handler starts"
        measure = workload("latency", {"across": across})
        two = "2 flushes of the disk: the message, then its attempt"
        cases.append(Case("N7", where, question, measure, rows, flush_ceiling(2), two))
    return cases


def old_snapshots() -> list[Case]:
    """N10: an old snapshot is open for as long as it is measured."""
    cases = []
    for block in (1000, 100):
        for pin in ("idle", "tables"):
            for traffic in (False, True):
                plan = {**PACE, **KINDS["N3"], "window": 4, "block": block, "holds": True}
                plan["traffic"] = traffic
                name = f"{block} {pin}{' traffic' if traffic else ''}"
                locks = "holding locks on all tables" if pin == "tables" else "idle"
                beside = ", outbox and delayed messages beside" if traffic else ""
                rows = [
                    Row(f"N10 {name}", "both", "msg/s", "both", 0.8),
                    Row(f"N10 {name} disk", "schema_mb", "MB", "schema_mb", None, True),
                ]
                question = f"an old snapshot is open, {locks}{beside}, calls of {block}"
                held = workload("flow", {**plan, "pin": pin})
                cases.append(
                    Case(
                        "N10",
                        name,
                        question,
                        held,
                        rows,
                        workload("flow", plan),
                        "the same without",
                    )
                )
    return cases


def log_bytes() -> list[Case]:
    """N11: bytes of WAL a message, from enqueue to settle, in blocks of 100."""
    plan = {**PACE, "kind": "bytes", "block": 100, "settings": {"batch_count_max": 100}}
    return [
        Case(
            "N11",
            f"{window} in flight",
            f"WAL of a 200-byte message from enqueue to settle, blocks of 100, {window} in flight",
            workload("flow", {**plan, "window": window}),
            [Row(f"N11 {window} in flight", "wal_bytes_per_message", "B", "", 280.0, True)],
        )
        for window in (1, 4)
    ]


def more_workers() -> list[Case]:
    """N12: two workers against one; four against one whose handler takes 5 ms."""
    two = {"kind": "typed", "backlog": "asked", "seconds": 5.0}
    slow = {"kind": "slow", "backlog": 20_000, "concurrency": 1, "seconds": 5.0}
    return [
        Case(
            "N12",
            name,
            question,
            workload("drain", {**plan, "processes": many}),
            [Row(f"N12 {name}", "out_per_s", "msg/s", "out_per_s", bar)],
            workload("drain", {**plan, "processes": 1}),
            "one worker",
        )
        for name, question, plan, many, bar in (
            ("two workers", "two worker processes against one, typed handler", two, 2, 1.0),
            ("four workers 5 ms", "four workers against one, handlers of 5 ms", slow, 4, 3.6),
        )
    ]


def awaiting() -> list[Case]:
    """N13: asyncio on both ends."""
    return [
        Case(
            "N13",
            kind,
            text,
            workload("awaiting", {"kind": kind}),
            [Row(f"N13 {kind}", "per_s", "msg/s", bar=100_000.0)],
        )
        for kind, text in (
            ("enqueue", "1,000 tasks each awaiting aenqueue one by one"),
            ("handle", "async handlers, 1,000 in flight"),
        )
    ]


def cost() -> list[Case]:
    """N14: CPU of client and server, and latency, of a steady trickle in one process."""
    cases = []
    for rate in (1_000, 1_667, 10_000):
        name = f"{rate}/s"
        rows = [
            Row(f"N14 {name} client CPU", "cpu_s_per_million", "s/M", less_is_better=True),
            Row(f"N14 {name} server CPU", "server_cpu_s_per_million", "s/M", less_is_better=True),
            Row(f"N14 {name} p50", "ms_p50", "ms", bar=2.0, less_is_better=True),
            Row(f"N14 {name} p95", "ms_p95", "ms", less_is_better=True),
            Row(f"N14 {name} p99", "ms_p99", "ms", bar=20.0, less_is_better=True),
        ]
        if rate == 1_667:
            rows.append(Row(f"N14 {name} core", "core_share", "share", "", 0.1, True))
        question = f"enqueue to settle at {rate} msg/s, one process"
        cases.append(Case("N14", name, question, workload("cost", {"rate": rate}), rows))
    return cases


def far_away() -> list[Case]:
    """N15: the same over TCP with TLS, so many milliseconds of round trip away."""
    cases = []
    for number, base in KINDS.items():
        for rtt in (0.0, 0.5, 2.0, 10.0):
            plan = {**PACE, **base, "window": 16, "block": 1000}
            away = {**plan, "rtt_ms": rtt}
            bare = ceiling(away, per_block=1000, consumers=0 if number == "N1" else 1)
            near = workload("flow", plan)

            def beside(setting: Setting, near: Measure = near, bare: Measure = bare) -> Figures:
                return {"local": near(setting)["both"], "ceiling": bare(setting)["both"]}

            name = f"{number} {rtt:g} ms"
            rows = [
                Row(f"N15 {name}", "both", "msg/s", "local", 0.7 if rtt == 2.0 else None),
                Row(f"N15 {name} ceiling", "both", "msg/s", "ceiling"),
            ]
            question = f"{number} over TLS and a round trip of {rtt:g} ms, against the socket"
            named = "msgq on the socket; pg_ceiling as far away"
            cases.append(Case("N15", name, question, workload("flow", away), rows, beside, named))
    return cases


def long_backlogs() -> list[Case]:
    """A backlog drained, and in and out behind one, against an empty queue."""
    flow = {**PACE, **KINDS["N3"], "window": 4, "block": 1000}
    behind = {**flow, "backlog": "asked"}
    drained = {"kind": "typed", "backlog": "asked"}
    return [
        Case(
            "backlog",
            name,
            question,
            measure,
            [Row(f"backlog {name}", value, "msg/s", "both", 0.8)],
            workload("flow", flow),
            "in and out with an empty queue",
        )
        for name, question, measure, value in (
            ("drained", "a long backlog drained", workload("drain", drained), "out_per_s"),
            ("in front", "in and out behind a long backlog", workload("flow", behind), "both"),
        )
    ]


def crowds() -> list[Case]:
    """1,000 queues at once; a burst; a rate held."""
    burst = [
        Case(
            "burst",
            kind,
            f"50,000 messages at once, by {text}",
            workload("burst", {"kind": kind}),
            [
                Row(f"burst {kind} durable", "durable_s", "s", "", 1.0, True),
                Row(f"burst {kind} handled", "handled_s", "s", less_is_better=True),
            ],
        )
        for kind, text in (("many", "one enqueue_many"), ("later", "enqueue_later, one each"))
    ]
    queues = Case(
        "queues",
        "1,000",
        "1,000 queues at once, calls of 100, one worker",
        workload("spread", {"queues": 1000, "block": 100, "window": 8}),
        [Row("queues 1,000", "both", "msg/s", "both")],
        ceiling({}, per_block=100),
        "pg_ceiling, one lane",
    )
    held = Case(
        "hold",
        "10,000/s",
        "10,000 msg/s held, 32 threads calling enqueue, one worker",
        workload("singles", {"threads": 32, "rate": 10_000, "handled": True, "holds": True}),
        [
            Row("hold reached", "per_s", "msg/s", bar=9_900.0),
            *(
                Row(f"hold {what} {share}", f"{key}_{share}", "ms", less_is_better=True)
                for what, key in (("enqueue", "ms"), ("end to end", "e2e_ms"))
                for share in ("p50", "p95", "p99")
            ),
        ],
    )
    return [*burst, queues, held]


def behind_a_pooler() -> list[Case]:
    """N1 to N4 through PgBouncer in transaction mode, beside the ceiling through the same."""
    cases = [
        flow_case("pooled", f"{number} 1000", {**base, "window": 4, "pooled": True}, 1000, None)
        for number, base in KINDS.items()
    ]
    plan = {"threads": 32, "pooled": True}
    return [*cases, one_by_one_case("pooled", "N4 32 threads", plan, {"producers": 8}, None)]


def beside_peers() -> list[Case]:
    """What msgq does against what PgQueuer and pgmq do with the same messages, as a ratio."""
    flow = {**PACE, "window": 4, "block": 1000}
    asked: list[tuple[str, str, Measure, str, dict[str, float]]] = [
        ("one", "one by one, one thread", workload("singles", {"threads": 1}), "per_s", {}),
        ("bulk", "1,000 a call", workload("flow", {**flow, **KINDS["N1"]}), "both", {}),
        (
            "both",
            "in and out at once, a handler called per message",
            workload("flow", {**flow, **KINDS["N3"]}),
            "both",
            {"pgqueuer": 25.0, "pgmq": 8.0},
        ),
    ]
    return [
        Case(
            "peers",
            f"{peer} {kind}",
            f"{question}: msgq beside {peer}",
            measure,
            [Row(f"peers {peer} {kind}", value, "msg/s", "per_s", bars.get(peer, 1.0))],
            peer_of(peer, kind),
            peer,
        )
        for kind, question, measure, value, bars in asked
        for peer in peers.PEERS
    ]


def peer_of(peer: str, kind: str) -> Measure:
    """Measure a peer, in a process of its own and with the libraries of its own."""

    def measure(setting: Setting) -> Figures:
        database = database_of(setting)
        plan = {"dsn": database.dsn, "kind": kind, "seconds": setting.seconds}
        return counted(database, lambda: peers.run(peer, plan))

    return measure


def all_cases() -> list[Case]:
    """Give every case, in the order of the table."""
    groups = (
        enqueue_many,
        in_and_out,
        one_by_one,
        features,
        idle_latency,
        old_snapshots,
        log_bytes,
        more_workers,
        awaiting,
        cost,
        far_away,
        long_backlogs,
        crowds,
        behind_a_pooler,
        beside_peers,
    )
    return [case for group in groups for case in group()]
