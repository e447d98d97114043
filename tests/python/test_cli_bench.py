"""`msgq bench`: the report, comparing, failing."""

import json
from pathlib import Path
from typing import Any

import pytest

import msgq
from tests.support.cli import call, ok

SMALL = ("--messages", 300, "--batch", 50, "--size", "64B")


@pytest.fixture
def report() -> dict[str, Any]:
    answer = ok("bench", *SMALL, "--url", "sqlite:///b.db", "--json").json
    Path("earlier.json").write_text(json.dumps(answer))
    assert isinstance(answer, dict)
    return answer


def test_report(report: dict[str, Any]) -> None:
    assert report["plan"]["size"] == 64
    for phase in ("send", "receive", "e2e"):
        assert report[phase]["messages"] == 300
        assert report[phase]["rate"] > 0
    for phase in ("send", "e2e"):
        part = report[phase]
        assert 0 < part["p50_ms"] <= part["p95_ms"] <= part["p99_ms"] <= part["max_ms"]
    assert report["machine"]["flush_ms"] > 0
    assert report["durability"] == "sync"
    with msgq.connect("sqlite:///b.db") as client:
        assert client.queues() == []


def test_compare(report: dict[str, Any]) -> None:
    again = ok(
        "bench", *SMALL, "--url", "sqlite:///b.db", "--compare", "earlier.json", "--json"
    ).json
    for phase in ("send", "receive", "e2e"):
        ratio = again[phase]["rate"] / report[phase]["rate"]
        assert again["compare"][phase] == pytest.approx(ratio, rel=0.01)
    text = ok("bench", *SMALL, "--url", "sqlite:///b.db", "--compare", "earlier.json").out
    assert "against" in text.splitlines()[0]


def test_fail_if_decides_the_exit_status() -> None:
    bench = ("bench", *SMALL, "--url", "memory://")
    assert call(*bench, "--fail-if", "send.rate < 1").status == 0
    answer = call(*bench, "--fail-if", "send.rate > 1 and e2e.p99_ms >= 0", "--json")
    assert answer.status == 1
    assert "--fail-if holds" in answer.err
    assert answer.json["send"]["messages"] == 300


def test_send_only_one_by_one_with_a_rate_for_a_time() -> None:
    answer = ok(
        "bench", "--consumers", 0, "--batch", 1, "--rate", 200, "--duration", "250ms",
        "--producers", 2, "--url", "memory://", "--json",
    ).json  # fmt: skip
    assert "receive" not in answer
    assert 2 <= answer["send"]["messages"] <= 80


def test_several_producers_and_slots_lose_nothing() -> None:
    answer = ok(
        "bench", "--messages", 5000, "--producers", 3, "--consumers", 3, "--batch", 7,
        "--url", "memory://", "--json",
    ).json  # fmt: skip
    assert answer["e2e"]["messages"] == 5000


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--fail-if", "send.rate"], 2, "such as"),
        (["--fail-if", "sent.rate < 1"], 2, "it has: "),
        (["--compare", "missing.json"], 3, "cannot read missing.json: No such file"),
        (["--compare", "."], 3, "cannot read .: Is a directory"),
        (["--rate", "nan"], 2, "--rate"),
        (["--duration", "3 parsecs"], 2, "--duration"),
        (["--messages", "0"], 2, "--messages"),
        (["--size", "many"], 2, "--size"),
    ],
)
def test_wrong_use(arguments: list[str], status: int, text: str) -> None:
    answer = call("bench", *SMALL, *arguments, "--url", "memory://")
    assert answer.status == status
    assert text in answer.err


@pytest.mark.parametrize(
    "text", ["{}", "[]", "no JSON", '{"send": 3}', '{"send": {"rate": "fast"}}', "[" * 100_000]
)
def test_compare_with_something_else(text: str) -> None:
    Path("x.json").write_text(text)
    answer = call("bench", "--compare", "x.json", "--url", "memory://")
    assert answer.status == 2
    assert "is no report of" in answer.err
