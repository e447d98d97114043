"""The machine finds what is wrong: a model that errs is refuted, and so is a store that does.

A comparison that never fails proves nothing. In memory, where it is quick; each fault is one that
a queue had or might have. The steps are the same ones in each run.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings

import msgq
from tests.conftest import model_settings
from tests.model.bench import Bench
from tests.model.comparison import Comparison
from tests.model.machine import Machine
from tests.model.model import Entry, QueueModel, Refuted, State
from tests.model.run import run

EXAMPLES = 200  # at most: it ends with the first that fails


class ForgetsAcks(QueueModel):
    def ack(self, entry: Entry) -> None:
        self._leave(entry)


class CountsSnoozes(QueueModel):
    def snooze(self, entry: Entry, is_due: bool) -> None:
        self._park(entry, is_due)


class LosesWhatIsParked(QueueModel):
    def retry(self, entry: Entry, is_due: bool) -> None:
        super().retry(entry, is_due)
        if not is_due:
            self._leave(entry)


class HandsOutTheDead(QueueModel):
    def reject(self, entry: Entry, reason: str) -> None:
        super().reject(entry, reason)
        entry.state = State.WAITING


class RedrivesWithOldCounts(QueueModel):
    def redrive(self, ids: Iterable[uuid.UUID]) -> int:
        chosen = self.dead_letters(ids)
        for entry in chosen:
            entry.state, entry.reason = State.WAITING, ""
        return len(chosen)


class PurgesNoneThatIsLeased(QueueModel):
    def purge(self) -> int:
        return self._purge(self.those(State.WAITING, State.DUE, State.PARKED))


WRONG_MODELS = [ForgetsAcks, CountsSnoozes, LosesWhatIsParked, HandsOutTheDead,
                RedrivesWithOldCounts, PurgesNoneThatIsLeased]  # fmt: skip


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench("memory://")
    yield made
    made.close()


def refute(machine: Callable[[], Comparison]) -> None:
    """Runs it until it fails, as it must; what it fails with need not be made small."""
    once = settings(
        model_settings(EXAMPLES),
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(Refuted):
        run(machine, once)


@pytest.mark.parametrize("wrong", WRONG_MODELS)
def test_a_wrong_model_is_refuted(bench: Bench, wrong: type[QueueModel]) -> None:
    class WrongMachine(Machine):
        queue_model = wrong

    refute(lambda: WrongMachine(bench))


def drops_acks(delivery: msgq.Delivery) -> None:
    """Says that it is done, and does nothing."""
    delivery._require_open()
    delivery._is_settled = True


def stores_twice(queue: msgq.Queue, body: Any, **options: Any) -> msgq.Receipt:
    """Stores each message twice."""
    queue.enqueue_many([body], **options)
    return queue.enqueue_later(body, **options).wait()


def loses_what_is_parked(delivery: msgq.Delivery, delay: Any = 0, reason: str = "") -> None:
    """Forgets what is to come back later."""
    delivery.ack()


FAULTS = [(msgq.Delivery, "ack", drops_acks), (msgq.Queue, "enqueue", stores_twice),
          (msgq.Delivery, "retry", loses_what_is_parked)]  # fmt: skip


@pytest.mark.parametrize(("place", "name", "wrong"), FAULTS)
def test_a_wrong_store_is_refuted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, place: type, name: str, wrong: Any
) -> None:
    monkeypatch.setattr(place, name, wrong)
    refute(lambda: Machine(bench))
