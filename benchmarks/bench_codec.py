"""What does it cost to turn a call into a body and back? 1,000 calls a round."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_benchmark.fixture import BenchmarkFixture

from msgq._signature import Plan

COUNT = 1_000


@dataclass
class Click:
    user: int
    page: str
    tags: list[str]


def typed(user: int, name: str, text: str) -> None: ...


def raw(body: bytes) -> None: ...


def clicked(click: Click) -> None: ...


CALLS = [(4711, "Ada Lovelace", "x" * 150)] * COUNT
CLICKS = [(Click(4711, "/start", ["new", "mobile"]),)] * COUNT


def test_pack_typed(benchmark: BenchmarkFixture) -> None:
    benchmark(Plan("typed", typed).pack_many, CALLS)


def test_pack_bytes(benchmark: BenchmarkFixture) -> None:
    benchmark(Plan("raw", raw).pack_many, [(b"x" * 200,)] * COUNT)


def test_pack_dataclass(benchmark: BenchmarkFixture) -> None:
    benchmark(Plan("clicked", clicked).pack_many, CLICKS)


def test_unpack_typed(benchmark: BenchmarkFixture) -> None:
    plan = Plan("typed", typed)
    bodies = plan.pack_many(CALLS)
    benchmark(lambda: [plan.unpack(body) for body in bodies])


def test_unpack_dataclass(benchmark: BenchmarkFixture) -> None:
    plan = Plan("clicked", clicked)
    bodies = plan.pack_many(CLICKS)
    benchmark(lambda: [plan.unpack(body) for body in bodies])
