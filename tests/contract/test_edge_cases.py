"""EC1 to EC5, EC13, EC16, EC18 to EC20: edge cases of messages, leases and settings."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import take
from tests.contract.conftest import MakeApp
from tests.contract.stores import Store
from tests.support.cli import command, environment
from tests.support.stuck import Stuck

SECONDS = 20.0
CLAIMER = """
import sys, msgq
queue = msgq.connect(sys.argv[1], profile="test", lease=0.2).queue(sys.argv[2])
print(queue.claim(1, wait=20)[0].id, flush=True)
sys.stdin.read()
"""


def test_ec1_an_empty_receive_is_cheap(app: msgq.App, name: str) -> None:
    """Empty receive: a cheap wait, cancellable (by SA4's test)."""
    queue = app.queue(name)
    begun = app.stats(with_depth=False).store.flushes
    assert queue.claim(1, wait=0.3) == []
    assert app.stats(with_depth=False).store.flushes - begun <= 30  # a spin makes thousands
    assert name not in app.queues() or queue.depth().sent == 0


def test_ec2_a_crash_then_redelivery(
    store: Store, app: msgq.App, other: msgq.App, name: str
) -> None:
    """Crash then redelivery: the count rises, the first completion wins.

    Where no other process can hold a message, the one that crashes is a lease that ends.
    """
    queue = app.queue(name)
    receipt = queue.enqueue(b"x")
    if store.can("is_shared"):
        claim_and_die(store.url, name, str(receipt.id))
    else:
        queue.claim(1, wait=SECONDS, lease=0.1)
    (again,) = queue.claim(1, wait=SECONDS, lease=0.1)
    assert (again.id, again.attempt, again.failures) == (receipt.id, 2, 0)
    (third,) = other.queue(name).claim(1, wait=SECONDS)
    third.ack()
    with pytest.raises(msgq.LeaseLostError):
        again.ack()
    assert (queue.depth().done, queue.depth().depth) == (1, 0)


def claim_and_die(url: str, name: str, expected: str) -> None:
    """Has another process claim the message, and kills it."""
    with subprocess.Popen(
        [command()[0], "-c", CLAIMER, url, name],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline().strip() == expected
        child.kill()


def test_ec3_a_lock_expires_while_processing(queue: msgq.Queue) -> None:
    """Lock expires while processing: late completion is InvalidReceipt.

    The count of deliveries is raised by the claim; expiry alone raises neither it nor failures.
    """
    receipt = queue.enqueue(b"x")
    (late,) = queue.claim(1, wait=SECONDS, lease=0.1)
    (again,) = queue.claim(1, wait=SECONDS)
    assert (again.attempt, again.failures, again.history) == (2, 0, [])
    found = queue.find(receipt.id)
    assert (found.failures, found.crashes) == (0, 0)
    settling: list[Callable[[], object]] = [late.ack, late.retry, late.reject]
    settling.append(lambda: late.extend(5))
    for settle in settling:
        with pytest.raises(msgq.LeaseLostError):
            settle()
    again.ack()
    assert (queue.depth().done, queue.depth().dead) == (1, 0)


def test_ec4_duplicates_are_both_delivered(queue: msgq.Queue) -> None:
    """Duplicate ids both delivered: equal messages are two; ids are made by msgq, never shared."""
    first = queue.enqueue(b"same", headers={"id": "same"})
    second = queue.enqueue(b"same", headers={"id": "same"})
    assert first.id != second.id
    found = take(queue, 2)
    assert [each.id for each in found] == [first.id, second.id]
    assert {each.body for each in found} == {b"same"}


def test_ec5_oversize_is_refused(make_app: MakeApp, name: str) -> None:
    """Oversize refused with both sizes, no truncation; msgq's limit is 10 MiB by default."""
    assert make_app().config["message_bytes_max"] == 10 << 20
    queue = make_app(message_bytes_max=1000).queue(name)
    queue.enqueue(b"x" * 1000)
    for call in (queue.enqueue, queue.enqueue_later, lambda body: queue.enqueue_many([b"y", body])):
        with pytest.raises(msgq.PayloadError, match=r"1001(.|\n)*1000"):
            call(b"x" * 1001)
    assert [len(each.body) for each in queue.peek()] == [1000]


def test_ec13_a_poison_message_goes_to_dead_letter(app: msgq.App, name: str) -> None:
    """Poison message to dead letter with reason: at once, bytes intact, others go on."""

    @app.handler(queue=name, name="*")
    def handler(n: int) -> None: ...

    queue = app.queue(name)
    poison = queue.enqueue({"not": "a number"})
    queue.enqueue_many([1, 2])
    run_until_idle(app, timeout=SECONDS)
    (dead,) = queue.dead()
    assert (dead.id, dead.body) == (poison.id, b'{"not":"a number"}')
    assert dead.reason
    assert dead.failures <= 1
    assert queue.depth().done == 2


def test_ec16_bad_configuration_fails_fast(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad configuration fails fast: of a file and of the environment, before anything is opened."""
    (tmp_path / "msgq.toml").write_text('leese = "1m"\n')
    with pytest.raises(msgq.ConfigError, match=r"leese.*msgq.toml.*did you mean 'lease'"):
        msgq.connect(store.url)
    (tmp_path / "msgq.toml").unlink()
    monkeypatch.setenv("MSGQ_LEASE", "never")
    with pytest.raises(msgq.ConfigError, match="lease"):
        msgq.connect(store.url)


def test_ec18_a_configuration_change_needs_a_restart(store: Store, make_app: MakeApp) -> None:
    """Configuration change needs restart (hot reload later): it is refused, not ignored."""
    app = make_app()
    app.configure(lease=7)
    assert app.open().config["lease"] == 7
    with pytest.raises(msgq.ClosedError, match="settings can change no more"):
        app.configure(lease=8)
    assert app.config["lease"] == 7
    assert make_app(lease=8).open().config["lease"] == 8


def test_ec19_a_burst_of_10000(queue: msgq.Queue) -> None:
    """Burst of 10,000: none lost.

    How long that takes is measured: burst of the benchmarks.
    """
    single = [queue.enqueue_later(b"%d" % n) for n in range(2_000)]
    batch = queue.enqueue_many([b"%d" % n for n in range(2_000, 10_000)])
    msgq.wait_all([*single, batch], SECONDS)
    assert queue.depth().sent == 10_000
    found = take(queue, 10_000)
    assert sorted(int(each.body) for each in found) == list(range(10_000))


def test_ec20_long_processing_needs_lock_extension(
    store: Store, make_app: MakeApp, name: str
) -> None:
    """Processing over 10 min needs lock extension.

    msgq renews the lease by itself while the handler is alive, up to lease_max.
    """
    app = make_app(lease=0.2)
    stuck = Stuck(app, name)
    stuck.handler.enqueue(1)
    with app.worker() as worker:
        stuck.wait_started()
        assert app.queue(name).claim(1, wait=0.6) == []  # three leases long
        stuck.release.set()
        worker.run_until_idle(SECONDS)
    depth = app.queue(name).depth()
    assert (depth.done, depth.dead) == (1, 0)
    assert app.stats().traffic_of(name).claimed == 1
    raw = make_app(lease_max=60).queue(f"{name}-raw") if store.can("is_shared") else None
    raw = raw or app.queue(f"{name}-raw")
    raw.enqueue(b"x")
    (delivery,) = raw.claim(1, wait=SECONDS)
    with pytest.raises(msgq.ConfigError, match="lease_max"):
        delivery.extend("2d")
