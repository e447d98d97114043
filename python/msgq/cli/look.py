"""`msgq queues`, `msgq stats`, `msgq messages`: looking without claiming or changing anything."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from typing import Annotated, Any, Final

import typer

import msgq
from msgq.cli.options import After, Json, Limit, QueueName, Url, duration
from msgq.cli.output import (
    human_bytes,
    human_count,
    human_seconds,
    note,
    print_json,
    print_table,
    print_text,
    table_of,
)
from msgq.cli.show import show_one, show_page
from msgq.cli.store import existing, opened
from msgq.stats import QueueDepth, Stats

_COUNTS: Final = ("waiting", "parked", "leased", "dead", "done", "expired", "sent")


def queues(url: Url = None, as_json: Json = False) -> None:
    """List the queues of a store with what they hold."""
    with opened(url) as client:
        depths = client.stats().depth
        is_several = len(client.transports) > 1
    if as_json:
        print_json([_record(depth) for depth in depths])
    elif depths:
        cells = [[*_cells(depth), *([depth.transport] * is_several)] for depth in depths]
        print_table(["queue", *_COUNTS, "oldest", *(["transport"] * is_several)], cells)
    else:
        note("no queue yet; the first enqueue makes one")


def stats(
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until Ctrl-C.")] = False,
    interval: Annotated[
        float,
        typer.Option("--interval", parser=duration, metavar="DURATION", help="Between refreshes."),
    ] = 1.0,
    times: Annotated[
        int,
        typer.Option("--times", metavar="N", min=0, help="Stop after so many refreshes; 0: never."),
    ] = 0,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show depth and rates of every queue, once or again and again."""
    with opened(url) as client:
        snapshots = _watched(client, interval, times if watch else 1)
        if as_json:
            for snapshot in snapshots:
                print_json(snapshot)
        elif watch:
            _show_live(snapshots)
        else:
            _print_snapshot(next(snapshots))


def messages(
    queue: QueueName,
    message_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Show this one whole.")
    ] = None,
    *,
    limit: Limit = 20,
    after: After = "",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Look at messages of a queue, oldest first, without claiming them."""
    with opened(url) as client:
        handle = existing(client, queue)
        if message_id is not None:
            show_one(handle.find(message_id), as_json)
            return
        page = handle.peek(limit, after=after)
    show_page(page, limit, as_json)


def _record(depth: QueueDepth) -> dict[str, Any]:
    record = {name: getattr(depth, name) for name in ("queue", *_COUNTS)}
    record |= {"purged": depth.purged, "quarantined": depth.quarantined}
    record["is_paused"] = depth.is_paused
    record["transport"] = depth.transport
    oldest = round(depth.oldest_age, 3) if depth.oldest_at else None
    return {**record, "oldest_age_s": oldest}


def _cells(depth: QueueDepth) -> list[object]:
    oldest = depth.oldest_age if depth.oldest_at else None
    return [
        _name(depth.queue, depth.is_paused),
        *(getattr(depth, name) for name in _COUNTS),
        human_seconds(oldest),
    ]


def _name(queue: str, is_paused: bool) -> str:
    return f"{queue} (paused)" if is_paused else queue


class _Rates:
    """How fast each queue was filled and emptied since the look before, by all processes."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[float, int, int]] = {}

    def of(self, depth: QueueDepth, at: float) -> tuple[float, float] | None:
        """Messages a second in and out; None at the first look."""
        key = (depth.transport, depth.queue)
        before = self._last.get(key)
        self._last[key] = (at, depth.sent, depth.done)
        if before is None or at <= before[0]:
            return None
        seconds = at - before[0]
        return (depth.sent - before[1]) / seconds, (depth.done - before[2]) / seconds


def _snapshot(client: msgq.Client, rates: _Rates) -> dict[str, Any]:
    taken = client.stats()
    lines = []
    for depth in taken.depth:
        pair = rates.of(depth, taken.taken_at)
        in_out = {"in_rate": round(pair[0], 1), "out_rate": round(pair[1], 1)} if pair else {}
        lines.append({**_record(depth), **in_out})
    others = {name: _figures(each) for name, each in taken.others.items()}
    return {"queues": lines, **_figures(taken), "others": others}


def _figures(taken: Stats) -> dict[str, Any]:
    """Of one store."""
    return {
        "store_bytes": taken.store.store_bytes,
        "store_connections": taken.process.store_connections,
        "replica_lag_s": taken.store.replica_lag,
        "connections": asdict(taken.connections),
    }


def _watched(client: msgq.Client, interval: float, times: int) -> Iterator[dict[str, Any]]:
    rates = _Rates()
    for number in count(1):
        yield _snapshot(client, rates)
        if number == times:
            return
        time.sleep(interval)


_STATS_COLUMNS: Final = ("queue", *_COUNTS, "oldest", "in/s", "out/s")


def _rows(snapshot: dict[str, Any]) -> list[list[object]]:
    return [
        [
            _name(line["queue"], line["is_paused"]),
            *(line[name] for name in _COUNTS),
            human_seconds(line["oldest_age_s"]),
            human_count(line["in_rate"]) if "in_rate" in line else "-",
            human_count(line["out_rate"]) if "out_rate" in line else "-",
            *([line["transport"]] if snapshot["others"] else []),
        ]
        for line in snapshot["queues"]
    ]


def _columns(snapshot: dict[str, Any]) -> list[str]:
    return [*_STATS_COLUMNS, *(["transport"] if snapshot["others"] else [])]


def _store_lines(snapshot: dict[str, Any]) -> list[str]:
    """What is told of each store, the default one first."""
    others = [_store_line(each, f"store {name}") for name, each in snapshot["others"].items()]
    return [_store_line(snapshot, "store"), *others]


def _store_line(snapshot: dict[str, Any], name: str) -> str:
    """The store's size, the connections of this command where bounded, the replica's lag."""
    text = f"{name}: {human_bytes(snapshot['store_bytes'])}"
    found = snapshot["connections"]
    if found["size"]:
        text += (
            f"; connections here: {found['used']} used, {found['idle']} idle of {found['size']}, "
            f"{found['waiting']} waiting"
        )
    lag = snapshot["replica_lag_s"]
    return text if lag is None else f"{text}; read from a replica, at most {lag:.1f} s behind"


def _print_snapshot(snapshot: dict[str, Any]) -> None:
    print_table(_columns(snapshot), _rows(snapshot))
    for line in _store_lines(snapshot):
        print_text(line)


def _show_live(snapshots: Iterator[dict[str, Any]]) -> None:
    """Redraws one table in place on a terminal; prints one after the other elsewhere."""
    if not sys.stdout.isatty():
        for snapshot in snapshots:
            _print_snapshot(snapshot)
        return
    from rich.live import Live

    with Live(auto_refresh=False, screen=False) as live:
        for snapshot in snapshots:
            title = "; ".join([*_store_lines(snapshot), "Ctrl-C ends"])
            table = table_of(_columns(snapshot), _rows(snapshot), title)
            live.update(table, refresh=True)


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command(epilog="Example: msgq queues --url sqlite:///shop.db")(queues)
    app.command(epilog="Example: msgq stats --watch --interval 2s")(stats)
    app.command(epilog="Example: msgq messages emails --limit 5")(messages)
