"""GA1 to GA10: what go-messagex promises."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

import msgq
from msgq.testing import run_until_idle
from tests.contract.claims import take_rest
from tests.contract.conftest import MakeApp
from tests.contract.outages import AWAY, QUICK, expect_none_possible, expect_told_truly
from tests.contract.stores import Outage, Store
from tests.contract.verdicts import waits_for
from tests.support.stuck import Stuck

SECONDS = 20.0


def test_ga1_a_full_queue_blocks_or_drops(make_app: MakeApp, name: str) -> None:
    """A full in-flight queue blocks until the context ends, or drops with an error receipt.

    Never silent: msgq blocks up to overflow_wait, raises, or drops, as overflow says.
    """

    def full(overflow: str) -> tuple[msgq.App, msgq.Queue]:
        app = make_app(inflight_count_max=1, linger=60, overflow=overflow, overflow_wait=0.05)
        queue = app.queue(f"{name}-{overflow}")
        queue.enqueue_later(b"first")
        return app, queue

    for overflow in ("block", "raise"):
        app, queue = full(overflow)
        with pytest.raises(msgq.QueueFullError):
            queue.enqueue(b"second")
        app.close(SECONDS)
    app, queue = full("drop")
    receipt = queue.enqueue_later(b"second")
    assert receipt.status == "dropped"
    assert app.stats(with_depth=False).traffic_of(queue.name).dropped == 1
    app.close(SECONDS)


def test_ga2_every_publish_yields_one_terminal_receipt(queue: msgq.Queue) -> None:
    """Every accepted publish yields exactly one terminal receipt."""
    told: Counter[object] = Counter()
    receipts = [queue.enqueue_later(b"x") for _ in range(500)]
    for each in receipts:
        each.add_done_callback(lambda receipt: told.update([receipt.id]))
    msgq.wait_all(receipts, SECONDS)
    settled = list(msgq.as_completed(receipts, SECONDS))
    assert len(settled) == 500
    assert {each.status for each in receipts} == {"persisted"}
    while sum(told.values()) < 500:  # they are called in a thread of msgq's
        pass
    assert told == Counter(each.id for each in receipts)
    assert queue.depth().waiting == 500


def test_ga3_an_unroutable_message_gives_an_error_receipt(make_app: MakeApp, name: str) -> None:
    """An unroutable mandatory message gives an error receipt (strict_queues).

    Where a rule should say the queue and none does, an error and no receipt: there is no message.
    """
    receipt = make_app(strict_queues=True).queue(name).enqueue_later(b"x")
    with pytest.raises(msgq.NotFoundError, match=name):
        receipt.wait(SECONDS)
    assert receipt.status == "failed"
    assert isinstance(receipt.error, msgq.NotFoundError)
    app = make_app()
    app.route("somebody.*", to=name)
    for call in (app.enqueue, app.enqueue_later):
        with pytest.raises(msgq.UnroutableError, match=r"no rule says where.*somebody\.\*"):
            call({"order": 7})
    assert app.queue(name).depth().sent == 0


def test_ga4_a_panicking_handler_never_kills_the_consumer(app: msgq.App, name: str) -> None:
    """A panicking handler never kills the consumer."""
    done: list[int] = []

    @app.handler(queue=name, name=name, retry=msgq.RetryPolicy(1))
    def handler(n: int) -> None:
        if n % 2:
            raise [SystemExit, KeyboardInterrupt, AssertionError][n % 3]
        done.append(n)

    handler.enqueue_many(range(20))
    with app.worker(concurrency=1) as worker:
        worker.run_until_idle(SECONDS)
        assert worker.is_running
        handler.enqueue(100)
        worker.run_until_idle(SECONDS)
    assert sorted(done) == [*range(0, 20, 2), 100]
    assert app.queue(name).depth().dead == 10


def test_ga5_after_max_retries_it_goes_to_dead_letter(app: msgq.App, name: str) -> None:
    """After MaxRetries the message goes to dead letter with reason and origin.

    Five failures by default, which are four retries.
    """
    assert app.policy().max_attempts == 5

    @app.handler(queue=name, name=name)
    def failing(n: int) -> None:
        raise LookupError("gone")

    failing.using(headers={"h": 1}).enqueue(1)
    run_until_idle(app, timeout=SECONDS)
    (dead,) = app.queue(name).dead()
    assert (dead.failures, len(dead.history)) == (5, 5)
    assert "gone" in dead.reason
    assert (dead.queue, dead.handler, dead.headers) == (name, name, {"h": 1})


def test_ga6_stop_drains_up_to_the_deadline(app: msgq.App, make_app: MakeApp, name: str) -> None:
    """Stop drains in-flight handlers up to the deadline."""
    second = make_app()
    patient, stuck = Stuck(app, name), Stuck(second, f"{name}-stuck")
    patient.handler.enqueue(1)
    worker = app.worker().start()
    patient.wait_started()
    ended: list[bool] = []
    stopping = threading.Thread(target=lambda: ended.append(worker.stop(SECONDS)))
    stopping.start()
    patient.release.set()
    stopping.join(SECONDS)
    assert ended == [True]
    while app.queue(name).depth().leased:  # what was decided is on its way to the store
        pass
    assert app.queue(name).depth().done == 1
    stuck.handler.enqueue(1)
    late = second.worker().start()
    stuck.wait_started()
    assert late.stop(0.05) is False
    stuck.release.set()


def test_ga7_environment_beats_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment beats file, flags beat environment; secrets never printed (SA17)."""

    def lease(app: msgq.App) -> tuple[float, str]:
        return app.config["lease"], app.config.origin("lease")

    assert lease(msgq.App(store.url)) == (30, "default")
    (tmp_path / "msgq.toml").write_text('lease = "10s"\n')
    assert lease(msgq.App(store.url)) == (10, "msgq.toml")
    monkeypatch.setenv("MSGQ_LEASE", "20s")
    assert lease(msgq.App(store.url)) == (20, "MSGQ_LEASE")
    in_code = msgq.App(store.url, lease="40s")
    assert lease(in_code) == (40, "code")
    in_code.configure(lease="50s")
    assert lease(in_code) == (50, "command line")


def test_ga8_connection_loss_is_repaired(
    outage: Outage | None, make_app: MakeApp, name: str
) -> None:
    """Connection loss is repaired with capped exponential backoff and jitter."""
    if outage is None:
        expect_none_possible(make_app(), name)
        return
    app = make_app(outage.url, **{**QUICK, "enqueue_timeout": 0.4})
    queue = app.queue(name)
    queue.enqueue(b"before")
    outage.down()
    with pytest.raises(AWAY) as caught:
        queue.enqueue(b"lost")
    outage.up()
    tries = app.stats(with_depth=False).store.flush_errors
    assert 1 <= tries <= 100  # in 0.4 s; without pauses there would be thousands
    receipt = queue.enqueue_later(b"after")
    assert receipt.wait(SECONDS).status == "persisted"
    found = [each.body for each in take_rest(queue)]
    assert expect_told_truly(caught.value, b"lost", found) == [b"before", b"after"]


def test_ga9_few_connections_serve_many(make_app: MakeApp, name: str) -> None:
    """Few connections, many channels; a borrow waits at most the borrow timeout."""
    app = make_app(pool_size=4, pool_wait=30)
    queues = [app.queue(f"{name}-{n}") for n in range(8)]
    for queue in queues:
        queue.enqueue(b"x")

    def use(queue: msgq.Queue) -> None:
        for _ in range(5):
            queue.peek()
            queue.depth()

    threads = [threading.Thread(target=use, args=(queue,)) for queue in queues]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS)
    figures = app.stats().connections
    if figures.size:
        assert figures.used + figures.idle <= figures.size == 4
        assert figures.borrows >= 40
        assert figures.borrow_time_max <= 30
    else:
        assert (figures.borrows, figures.connects) == (0, 0)


def test_ga10_metrics_and_tracing_are_on_by_default(app: msgq.App, name: str) -> None:
    """Metrics and tracing are on by default but replaceable."""
    app.queue(name).enqueue(b"x")
    assert app.stats().traffic_of(name).enqueued == 1  # on; nothing can take their place yet
    waits_for("metrics exporters")
