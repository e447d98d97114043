"""What claims by hand do with keys: one of a key at a time, the next when that is decided."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import datetime, timezone

import pytest

import msgq
from tests.python.conftest import MakeApp
from tests.support.stores import STORES, behind_pooler

SECONDS = 20.0
APP_STORES = STORES
LONG = 3600.0  # a lease that ends in no test


def take(queue: msgq.Queue, count: int) -> list[object]:
    """The values of so many, each acknowledged before the next is asked for."""
    found = []
    for _ in range(count):
        (one,) = queue.claim(1, wait=SECONDS, lease=LONG)
        found.append(one.value())
        one.ack()
    return found


def take_all(queue: msgq.Queue, count: int) -> list[object]:
    """As take, and nothing is left that could be claimed."""
    found = take(queue, count)
    assert queue.claim(10) == []
    return found


def values(found: list[msgq.Delivery]) -> list[tuple[str | None, object]]:
    return [(each.key, each.value()) for each in found]


def claim_some(queue: msgq.Queue, count: int) -> list[msgq.Delivery]:
    """So many deliveries, however many claims that takes."""
    found: list[msgq.Delivery] = []
    while len(found) < count:
        more = queue.claim(10, wait=SECONDS, lease=LONG)
        assert more
        found += more
    return found


def test_what_is_over_lets_the_next_of_its_key_out(app: msgq.App) -> None:
    queue = app.queue("q")
    first = queue.enqueue(1, key="a", ttl=0.001)
    queue.enqueue_many([2, 3], key="a")
    ends = queue.find(first.id).expires_at
    assert ends is not None
    while ends >= datetime.now(timezone.utc):
        pass
    assert take_all(queue, 2) == [2, 3]
    assert queue.depth().expired == 1


@behind_pooler
def test_a_claim_gives_one_of_a_key_and_the_next_after_its_ack(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    queue.enqueue_many([10, 20], key="b")
    first = claim_some(queue, 2)
    assert sorted(values(first)) == [("a", 1), ("b", 10)]
    assert queue.claim(10) == []
    next(each for each in first if each.key == "a").ack()
    (second,) = queue.claim(10, wait=SECONDS, lease=LONG)
    assert values([second]) == [("a", 2)]
    next(each for each in first if each.key == "b").ack()
    second.ack()
    rest = claim_some(queue, 2)
    assert sorted(values(rest)) == [("a", 3), ("b", 20)]
    for each in rest:
        each.ack()
    assert queue.depth().done == 5


def test_a_claim_waits_for_the_one_before_it(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2], key="a")
    (first,) = queue.claim(2, lease=LONG)
    found: list[msgq.Delivery] = []
    waiting = threading.Thread(target=lambda: found.extend(queue.claim(wait=SECONDS, lease=LONG)))
    waiting.start()
    first.ack()
    waiting.join(SECONDS)
    assert values(found) == [("a", 2)]


def test_after_the_end_of_its_lease_the_first_comes_again(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    (late,) = queue.claim(10, lease=0.05)
    (again,) = queue.claim(10, wait=SECONDS, lease=LONG)
    assert (again.value(), again.attempt) == (1, 2)
    with pytest.raises(msgq.LeaseLostError):
        late.ack()
    again.ack()
    assert take_all(queue, 2) == [2, 3]


def test_one_that_is_put_off_holds_up_its_key_alone(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    (first,) = queue.claim(10, lease=LONG)
    first.snooze("1h")
    queue.enqueue(4, key="a")
    queue.enqueue(10, key="b")
    assert take_all(queue, 1) == [10]
    assert queue.depth().parked + queue.depth().waiting == 4
    assert queue.reschedule(first.id, delay=0) == 1
    assert take_all(queue, 4) == [1, 2, 3, 4]


@pytest.mark.parametrize("verb", ["retry", "snooze"])
def test_one_that_is_given_back_comes_before_the_next(app: msgq.App, verb: str) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    for _ in range(3):
        (first,) = queue.claim(10, wait=SECONDS, lease=LONG)
        assert first.value() == 1
        getattr(first, verb)(0)
    assert take_all(queue, 3) == [1, 2, 3]


def test_a_key_goes_on_when_the_one_it_waits_for_is_called_off(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    (first,) = queue.claim(10, lease=LONG)
    first.retry("1h")
    assert queue.claim(10) == []
    assert queue.cancel(first.id) == 1
    assert take_all(queue, 2) == [2, 3]


def test_a_redriven_letter_goes_to_the_end_of_its_key(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    (first,) = queue.claim(10, lease=LONG)
    first.reject("no")
    assert queue.redrive() == 1
    assert take_all(queue, 3) == [2, 3, 1]


def test_a_reject_lets_the_next_one_come(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2], key="a")
    queue.claim(10, lease=LONG)[0].reject("no")
    assert take_all(queue, 1) == [2]
    assert [each.key for each in queue.dead()] == ["a"]


def test_a_purge_forgets_what_waits_of_a_key(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    queue.claim(10, lease=LONG)[0].retry("1h")
    queue.purge()
    queue.enqueue_many([4, 5], key="a")
    assert take_all(queue, 2) == [4, 5]


def test_a_deleted_queue_forgets_its_keys(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    queue.claim(10, lease=LONG)[0].retry("1h")
    queue.delete()
    queue.enqueue_many([4, 5], key="a")
    assert take_all(queue, 2) == [4, 5]


def test_what_a_process_had_claimed_goes_on_in_another(make_app: MakeApp) -> None:
    first, second = make_app("sqlite:///q.db"), make_app("sqlite:///q.db")
    first.queue("q").enqueue_many([1, 2, 3], key="a")
    assert values(first.queue("q").claim(10, lease=LONG)) == [("a", 1)]
    assert second.queue("q").claim(10) == []
    first.close(5)
    assert take_all(second.queue("q"), 3) == [1, 2, 3]


def test_the_async_twins_do_the_same(app: msgq.App) -> None:
    queue = app.queue("q")

    async def take_two() -> list[object]:
        await queue.aenqueue(1, key="a")
        await queue.aenqueue_many([2, 3], key="a")
        found = []
        for _ in range(3):
            (one,) = await queue.aclaim(10, wait=SECONDS, lease=LONG)
            found.append(one.value())
            await one.aack()
        return found

    assert asyncio.run(take_two()) == [1, 2, 3]


def test_what_is_over_is_passed_and_the_next_one_comes(app: msgq.App) -> None:
    queue = app.queue("q")
    queue.enqueue(1, key="a", ttl=0.001)
    queue.enqueue_many([2, 3], key="a")
    first = take(queue, 1)
    rest = take(queue, 1 if first == [2] else 2)
    assert [*first, *rest] in ([1, 2, 3], [2, 3])  # by when the first was claimed


HOLDER = """
import msgq
client = msgq.connect("sqlite:///q.db", profile="test")
print(len(client.queue("q").claim(10, lease=3600)), flush=True)
input()
"""


def test_what_a_dead_process_held_comes_in_order(make_app: MakeApp) -> None:
    """Each runs alone, as it may have been the one that killed it; one that fails holds its key."""
    queue = make_app("sqlite:///q.db").queue("q")
    queue.enqueue_many([1, 2, 3], key="a")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"1\n"
    holder.kill()
    holder.communicate()
    for _ in range(3):
        (first,) = queue.claim(10, wait=SECONDS, lease=LONG)
        assert first.value() == 1
        first.retry(0)
    assert take_all(queue, 3) == [1, 2, 3]
