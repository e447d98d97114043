"""SA21 to SA23, SA38, SA39: what can be seen from outside, and what is said of what is lacking."""

from __future__ import annotations

import json
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import keyed_queue
from tests.contract.stores import Store
from tests.contract.verdicts import waits_for
from tests.support.cli import process

SECONDS = 20.0
SECRET = "hunter2"
SHOP = """
import msgq

app = msgq.App(profile="test", max_attempts=1)


@app.handler(queue={name!r}, name={name!r})
def failing(text: str) -> None:
    raise ValueError(text)


failing.enqueue({secret!r})
"""


def test_sa21_trace_context_flows_through(app: msgq.App, name: str) -> None:
    """Trace context flows through: spans for operations, error spans."""
    app.queue(name).enqueue(b"x", headers={"traceparent": "00-1-2-01"})
    (delivery,) = app.queue(name).claim(1, wait=SECONDS)
    assert delivery.headers["traceparent"] == "00-1-2-01"  # carried; no span is made of it yet
    delivery.ack()
    waits_for("tracing")


def test_sa22_metrics_are_recorded(app: msgq.App, name: str) -> None:
    """Metrics recorded: counters, latency histograms, errors by kind."""

    @app.handler(queue=name, name=name, retry=msgq.RetryPolicy(2, base=0, dead_on=KeyError))
    def handler(n: int) -> None:
        if n:
            raise KeyError if n == 1 else ValueError

    handler.enqueue_many(range(3))
    run_until_idle(app, timeout=SECONDS)
    traffic = app.stats().traffic_of(name)
    assert (traffic.enqueued, traffic.persisted, traffic.claimed) == (3, 3, 4)
    assert (traffic.done, traffic.retried, traffic.dead) == (1, 1, 2)
    assert (traffic.failed, traffic.lost, traffic.held, traffic.in_flight) == (0, 0, 0, 0)
    assert traffic.handle_time.count >= 1
    assert traffic.age.p99 is not None
    assert traffic.enqueue_time.count >= 1
    kinds = [each.history[-1]["error"] for each in app.queue(name).dead()]
    assert sorted(kinds) == ["KeyError", "ValueError"]


def test_sa23_logs_are_structured(store: Store, name: str, tmp_path: Path) -> None:
    """Logs structured: queue, operation, context; no secrets."""
    (tmp_path / "shop.py").write_text(SHOP.format(name=name, secret=SECRET))
    options = ["--burst", "--json", "--log-stats", "10ms"]
    answer = process("worker", "shop:app", *options, cwd=tmp_path, MSGQ_URL=store.url)
    assert answer.status == 0, answer.err
    lines: list[dict[str, Any]] = [json.loads(line) for line in answer.err.splitlines()]
    assert all({"at", "level", "logger", "process", "text"} <= set(line) for line in lines)
    assert f"worker runs {name}" in {line["text"] for line in lines}
    told = [line["data"]["queues"][name] for line in lines if name in _queues(line)]
    assert told[-1]["dead"] == 1
    assert SECRET not in answer.err


def _queues(line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = line.get("data", {}).get("queues", {})
    return found


def test_sa38_feature_gaps_are_documented(
    store: Store, app: msgq.App, name: str, tmp_path: Path
) -> None:
    """Feature gaps documented: matrix, clear unsupported error."""
    keyed_queue(store, app, name)
    for scheme in ("amqp", "sqs", "servicebus"):
        with pytest.raises(msgq.UnsupportedError, match=f"{scheme} transport is not built"):
            msgq.App(f"{scheme}://host/name")
    app.queue(name).enqueue(b"x")
    if store.can("can_backup"):
        app.backup(tmp_path / "copy")
        assert (tmp_path / "copy").exists()
    else:
        with pytest.raises(msgq.UnsupportedError, match=store.scheme):
            app.backup(tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_sa39_sdk_versions_are_checked(store: Store, app: msgq.App, tmp_path: Path) -> None:
    """SDK version checks: minimum documented, early detection."""
    assert metadata("msgq")["Requires-Python"] == ">=3.10"
    assert [each for each in metadata("msgq").get_all("Requires-Dist") or [] if "msgspec>=" in each]
    app.open()
    checks = process("check", "--url", store.url, "--json", cwd=tmp_path).json["checks"]
    found = {each["name"]: each for each in checks}
    assert found["round trip"]["is_well"]
    versions = {"sqlite": "sqlite library", "postgresql": "server"}
    if library := versions.get(store.scheme):
        assert found[library]["is_well"]
        assert any(letter.isdigit() for letter in found[library]["detail"])
    elif store.can("is_shared"):
        waits_for(f"a version check of {store.scheme}://")
