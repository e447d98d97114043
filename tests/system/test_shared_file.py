"""One file, many users: Python's own sqlite3, a long transaction, a backup, a copy opened cold.

Whatever else is done to the store's file that SQLite allows, msgq loses nothing: not when sqlite3
opens and closes the file in the very same process, not when somebody holds the write lock for
seconds, not when it is copied while it runs.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import time

import pytest

import msgq
from tests.oracle import Limits
from tests.system.support.world import QUEUE, World


@pytest.fixture
def world(file_world: World) -> World:
    """Of files alone."""
    return file_world


def check_file(world: World) -> None:
    """The file is whole, as SQLite sees it."""
    with sqlite3.connect(world.store) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("turns", [150, pytest.param(1_500, marks=pytest.mark.torture)])
def test_sqlite3_of_python_in_the_same_process(world: World, turns: int) -> None:
    """Two processes, each with msgq and with sqlite3 opening and closing the same file."""
    world.client.open()
    pair = [
        world.start("meddle", f"meddler-{index}", turns=turns, path=str(world.store))
        for index in range(2)
    ]
    for program in pair:
        program.expect("over", seconds=100)
        assert program.wait() == 0, program.words()
    rounds = sum(each.expect("meddled")["rounds"] for each in pair)
    print(f"{rounds} times opened and closed by sqlite3 meanwhile")
    assert rounds > turns // 20
    drainer = world.start("work", "drainer")
    world.drained()
    drainer.send(signal.SIGTERM)
    assert drainer.wait() == 0, drainer.words()
    world.note_end()
    world.judge(Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True))
    check_file(world)


def test_a_write_transaction_of_somebody_else(world: World) -> None:
    """Three seconds of BEGIN IMMEDIATE: senders wait, leases of 1 s hold, nothing is lost."""
    settings = {"lease": 1.0, "concurrency": 2}
    worker = world.start("work", "worker", settings=settings, hold_s=0.2, says=True)
    producer = world.start("produce", "producer", parcel=5, pace_s=0.05)
    worker.expect("started")
    user = sqlite3.connect(world.store, timeout=30, isolation_level=None)
    user.execute("BEGIN IMMEDIATE")
    world.listen(3.0)
    user.execute("ROLLBACK")
    user.close()
    sent = len(producer.said("sending"))
    producer.expect("sending", count=sent + 3)
    producer.tell("end")
    longest = producer.expect("sent")["longest_s"]
    assert producer.wait() == 0, producer.words()
    print(f"a sender waited for {longest:.2f} s")
    assert longest > 2.0, "the transaction held nobody back"
    world.drained(60)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0, worker.words()
    world.note_end()
    # what ran when its lease ended may be handled again, by the same process even
    world.judge(Limits(duplicated_max=2, recovered_max=0, needs_empty_end=True))


def test_a_backup_is_whole_although_work_goes_on(world: World) -> None:
    """The copy opens; what it holds is a state the store was in: sums add up, nothing is torn."""
    programs = [world.start("mixed", f"mixed-{index}") for index in range(2)]
    for program in programs:
        program.expect("turned", count=20)
    copies = [world.folder / f"copy-{number}.db" for number in range(3)]
    for copy in copies:
        world.client.backup(copy)
        for program in programs:
            program.expect("turned", count=len(program.said("turned")) + 5)
    for program in programs:
        program.tell("end")
        assert program.wait() == 0, program.words()
    total = world.depth().sent
    for copy in copies:
        with sqlite3.connect(copy) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with msgq.connect(f"sqlite:///{copy}") as client:
            depth = client.queue(QUEUE).depth()
            assert 0 < depth.sent <= total
            assert depth.sent == depth.depth + depth.done + depth.dead
            drained = 0
            while found := client.queue(QUEUE).claim(1000, wait=3):
                for each in found:
                    assert each.body.endswith(b"...")
                    each.ack()
                drained += len(found)
            after = client.queue(QUEUE).depth()
            assert after.waiting + after.leased == 0
            print(f"a copy of {depth.sent} messages, {drained} of them open")


def test_a_store_is_opened_cold_with_messages_in_dead_hands(world: World) -> None:
    """Copied as a crash would leave it, with claims of a process that is no more: all come back."""
    queue = world.queue()
    queue.enqueue_many([b"%d" % number for number in range(20)])
    claimer = world.start("claim", "claimer", count=12, lease_s=3600)
    claimer.expect("claimed")
    world.kill(claimer)
    cold = world.folder / "cold"
    cold.mkdir()
    for file in world.folder.glob("store.db*"):
        if file.is_file():
            shutil.copy(file, cold / file.name)
    began = time.monotonic()
    with msgq.connect(f"sqlite:///{cold / world.store.name}") as client:
        assert client.queue(QUEUE).depth().depth == 20
        bodies: set[bytes] = set()
        while len(bodies) < 20:
            found = client.queue(QUEUE).claim(20, wait=5)
            assert found, f"only {len(bodies)} of 20 came back"
            for each in found:
                each.ack()
            bodies |= {each.body for each in found}
        assert client.queue(QUEUE).depth().done == 20
    print(f"opened cold and drained within {time.monotonic() - began:.2f} s")


@pytest.mark.torture
@pytest.mark.timeout(180)
def test_nobody_waits_long_for_the_file(world: World) -> None:
    """Fairness: four producers and two workers on one file, none waits over one second."""
    producers = [world.start("produce", f"producer-{index}", parcel=20) for index in range(4)]
    workers = [world.start("work", f"worker-{index}") for index in range(2)]
    for program in [*producers, *workers]:
        program.expect("ready")
    world.listen(10.0)
    for producer in producers:
        producer.tell("end")
    gaps = [producer.expect("sent") for producer in producers]
    for producer in producers:
        assert producer.wait() == 0, producer.words()
    world.drained(90)
    for worker in workers:
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0, worker.words()
    longest = max(each["longest_s"] for each in gaps)
    shares = sorted(each["count"] for each in gaps)
    print(f"longest wait {longest:.2f} s; messages sent by each: {shares}")
    world.note_end()
    world.judge(Limits(duplicated_max=0, recovered_max=0, needs_empty_end=True))
    assert longest < 1.0
