"""Dedup ids: one message of each while it is remembered; the sender is told of the earlier one."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from typing import Any

import pytest

import msgq
from msgq.dedup import Terms, id_in, parse_terms
from msgq.testing import run_until_idle
from tests.python.conftest import MakeApp
from tests.support.stores import STORES, behind_pooler

APP_STORES = STORES
SECONDS = 60.0


@behind_pooler
def test_the_second_is_told_of_the_first(app: msgq.App) -> None:
    queue = app.queue("q")
    first = queue.enqueue(b"x", dedup="1")
    again = queue.enqueue(b"x", dedup="1")
    assert (first.status, again.status) == ("persisted", "duplicate")
    assert again.id == first.id
    assert queue.depth().waiting == 1
    assert queue.find(first.id).dedup == "1"
    assert queue.enqueue(b"x").status == "persisted", "who has no dedup id is never a duplicate"


@behind_pooler
def test_another_body_is_a_conflict_unless_skipped(app: msgq.App) -> None:
    queue = app.queue("q")
    first = queue.enqueue(b"x", dedup="1")
    with pytest.raises(msgq.DedupConflictError, match=str(first.id)):
        queue.enqueue(b"y", dedup="1")
    skipped = queue.enqueue(b"y", dedup="1", on_duplicate="skip")
    assert (skipped.id, skipped.status) == (first.id, "duplicate")
    assert [each.body for each in queue.messages()] == [b"x"]


@behind_pooler
def test_raise_raises(app: msgq.App) -> None:
    queue = app.queue("q")
    first = queue.enqueue(b"x", dedup="1", on_duplicate="raise")
    with pytest.raises(msgq.DuplicateError, match=str(first.id)):
        queue.enqueue(b"x", dedup="1", on_duplicate="raise")
    later = queue.enqueue_later(b"x", dedup="1", on_duplicate="raise")
    with pytest.raises(msgq.DuplicateError) as caught:
        later.wait(SECONDS)
    assert caught.value.receipt is later
    assert later.id == first.id


@behind_pooler
def test_a_batch_tells_of_each(app: msgq.App) -> None:
    queue = app.queue("q")
    first = queue.enqueue(b"b", dedup="b")
    sent = queue.enqueue_many([b"a", b"b", b"a", b"c"], dedup=["a", "b", "a", None])
    assert [each.status for each in sent] == ["persisted", "duplicate", "duplicate", "persisted"]
    assert sent[1].id == first.id
    assert sent[2].id == sent[0].id
    assert sent.counts() == {"persisted": 2, "duplicate": 2}
    assert sent.status == "duplicate"
    with pytest.raises(msgq.DuplicateError, match="dedup id 'a'") as caught:
        queue.enqueue_many([b"a", b"d"], dedup=["a", "d"], on_duplicate="raise")
    assert [each.status for each in caught.value.receipt] == ["duplicate", "persisted"]
    assert sorted(each.body for each in queue.messages()) == [b"a", b"b", b"c", b"d"]
    assert app.stats().traffic_of("q").duplicates == 3


def test_of_a_batch_with_keys_the_first_of_an_id_is_stored(app: msgq.App) -> None:
    queue = app.queue("q")
    keys = [f"key {n}" for n in range(20)]

    def send(prefix: str) -> msgq.BatchReceipt:
        ids = [f"{prefix} {n % 2}" for n in range(20)]
        return queue.enqueue_many(list(range(20)), key=keys, dedup=ids, on_duplicate="skip")

    async def asend() -> msgq.BatchReceipt:
        ids = [f"async {n % 2}" for n in range(20)]
        return await queue.aenqueue_many(list(range(20)), key=keys, dedup=ids, on_duplicate="skip")

    for sent in (send("plain"), asyncio.run(asend())):
        assert [each.status for each in sent] == ["persisted"] * 2 + ["duplicate"] * 18
        assert [each.id for each in sent] == [sent[0].id, sent[1].id] * 10
    assert sorted(each.value() for each in queue.messages()) == [0, 0, 1, 1]


def test_a_conflict_in_a_batch_names_its_id(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue(b"other", dedup="b")
    with pytest.raises(msgq.DedupConflictError, match=r"has the dedup id 'b' and another body"):
        queue.enqueue_many([b"a", b"b"], key=["z", "a"], dedup=["a", "b"])


def test_an_event_loop_sees_the_same(app: msgq.App) -> None:
    queue = app.queue("q")

    async def main() -> None:
        both = await asyncio.gather(*(queue.aenqueue(b"x", dedup="1") for _ in range(2)))
        assert sorted(each.status for each in both) == ["duplicate", "persisted"]
        assert both[0].id == both[1].id
        with pytest.raises(msgq.DedupConflictError):
            await queue.aenqueue(b"y", dedup="1")
        many = await queue.aenqueue_many([b"x", b"z"], dedup=["1", "z"])
        assert [each.status for each in many] == ["duplicate", "persisted"]

    asyncio.run(main())


def test_threads_that_race_make_one(app: msgq.App) -> None:
    queue = app.queue("q")
    gate = threading.Barrier(4)
    found: list[uuid.UUID] = []

    def send() -> None:
        gate.wait(SECONDS)
        found.extend(queue.enqueue(b"x", dedup=str(n)).id for n in range(25))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 100
    assert len(set(found)) == queue.depth().waiting == 25


def test_a_handler_reads_it_from_its_arguments(app: msgq.App) -> None:
    done: list[tuple[int, str]] = []

    @app.handler(queue="q", dedup="n", unique="until_done", on_duplicate="skip")
    def handler(n: int, text: str) -> None:
        done.append((n, text))

    assert handler.enqueue(1, "a").status == "persisted"
    assert handler.enqueue(1, "b").status == "duplicate"
    sent = handler.enqueue_many([(1, "c"), (2, "d")])
    assert [each.status for each in sent] == ["duplicate", "persisted"]
    assert handler.using(dedup="else").enqueue(1, "e").status == "persisted"
    assert handler.using(dedup=msgq.Key()).enqueue(1, "f").status == "persisted"
    run_until_idle(app, timeout=SECONDS)
    assert sorted(done) == [(1, "a"), (1, "e"), (1, "f"), (2, "d")]
    assert handler.enqueue(1, "g").status == "persisted", "the first is done"


@behind_pooler
def test_until_started_lets_the_next_in_while_it_runs(app: msgq.App) -> None:
    seen: list[str] = []
    calls = itertools.count()

    @app.handler(queue="q", dedup="name", unique="until_started")
    def refresh(name: str) -> None:
        if next(calls) == 0:
            seen.append(refresh.using(held=False).enqueue(name).status)

    refresh.enqueue("page")
    assert refresh.enqueue("page").status == "duplicate"
    run_until_idle(app, timeout=SECONDS)
    assert seen == ["persisted"], "what is asked for now is not yet run"
    assert app.queue("q").depth().done == 2


@behind_pooler
def test_until_done_outlives_retries_and_ends_with_a_dead_letter(app: msgq.App) -> None:
    asked: list[str] = []

    @app.handler(queue="q", dedup="n", unique="until_done", retry=msgq.RetryPolicy(2, base=0))
    def handler(n: int) -> None:
        asked.append(handler.using(held=False).enqueue(n).status)
        raise ValueError

    first = handler.enqueue(1)
    while app.queue("q").depth().dead < 1:  # a retry is parked, which counts as idle
        run_until_idle(app, timeout=SECONDS)
    assert asked == ["duplicate"] * 2
    assert [each.dedup for each in app.queue("q").dead()] == ["1"]
    second = handler.using(delay=3600).enqueue(1)
    assert second.status == "persisted"
    assert second.id != first.id
    assert app.queue("q").redrive(first.id) == 1, "a dead letter comes back whatever is there"


def test_a_claim_by_hand_starts_and_ends_it(app: msgq.App) -> None:
    queue = app.queue("q")
    for unique, is_free in (("until_started", True), ("until_done", False)):
        queue.enqueue(b"x", dedup=unique, unique=unique)
        (held,) = queue.claim(wait=SECONDS)
        again = queue.enqueue(b"x", dedup=unique, unique=unique)
        assert (again.status == "persisted") is is_free
        held.ack()
        queue.purge()
        assert queue.enqueue(b"x", dedup=unique, unique=unique).status == "persisted"
        queue.purge()


def test_the_window_of_the_setting(make_app: MakeApp) -> None:
    queue = make_app("memory://", dedup_window=0.001).queue("q")
    queue.enqueue(b"x", dedup="1")
    while queue.enqueue(b"x", dedup="1").status == "duplicate":
        pass  # its millisecond passes
    assert queue.enqueue(b"x", dedup="2", unique="1h").status == "persisted"
    assert queue.enqueue(b"x", dedup="2", unique="1h").status == "duplicate"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"dedup": ""}, "1 to 512 bytes"),
        ({"dedup": "x" * 513}, "1 to 512 bytes"),
        ({"dedup": 7}, "is text, not int"),
        ({"dedup": "a\0b"}, "no NUL"),
        ({"dedup": "1", "unique": "sometimes"}, "until_done, until_started or a duration"),
        ({"dedup": "1", "unique": 0}, "from 1 ms to a year"),
        ({"dedup": "1", "unique": "500d"}, "from 1 ms to a year"),
        ({"dedup": "1", "on_duplicate": "ignore"}, "one of return, skip, raise"),
        ({"unique": "1h"}, "give that too"),
        ({"on_duplicate": "skip"}, "give that too"),
    ],
)
def test_wrong_use_is_refused(options: dict[str, Any], text: str, make_app: MakeApp) -> None:
    queue = make_app("memory://").queue("q")
    with pytest.raises(msgq.ConfigError, match=text):
        queue.enqueue(b"x", **options)
    assert queue.depth().waiting == 0


def test_a_batch_names_the_item(make_app: MakeApp) -> None:
    queue = make_app("memory://").queue("q")
    with pytest.raises(msgq.ConfigError, match="item 1: a dedup id is text"):
        queue.enqueue_many([b"a", b"b"], dedup=["a", 7])
    with pytest.raises(msgq.PayloadError, match="1 dedup ids for 2 bodies"):
        queue.enqueue_many([b"a", b"b"], dedup=["a"])


def test_a_handler_with_terms_and_no_dedup_is_refused(make_app: MakeApp) -> None:
    app = make_app("memory://")
    with pytest.raises(msgq.ConfigError, match="need its dedup="):
        app.handler(unique="1h")(print_it)
    with pytest.raises(msgq.ConfigError, match=r"dedup= of handler .* is of no argument"):
        app.handler(dedup="m")(print_it)


def print_it(n: int) -> None:
    """A handler's function."""


def test_sync_offers_none(make_app: MakeApp) -> None:
    app = make_app("sync://")
    for call in (app.queue("q").enqueue, app.queue("q").enqueue_later):
        with pytest.raises(msgq.UnsupportedError, match="sync://"):
            call(b"x", dedup="1")
    handler = app.handler(dedup="n")(print_it)
    with pytest.raises(msgq.UnsupportedError, match="sync://"):
        handler.enqueue(1)


@pytest.mark.parametrize("window_ms", [0, 1, 127, 128, 10**12])
def test_what_a_message_carries_is_read_back(window_ms: int) -> None:
    assert id_in(Terms(1, window_ms).encode("ü", 0)) == "ü"
    assert id_in(b"") is None


def test_terms_are_parsed() -> None:
    assert parse_terms(None, None) == Terms(0, None, 0)
    assert parse_terms("until_started", "raise") == Terms(2, 0, 2)
    assert parse_terms("10m", "skip") == Terms(0, 600_000, 1)
