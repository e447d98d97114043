"""Good histories pass; made by a perfect model queue, and turned bad by one change each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.oracle.accounting import duplicate_bound, recovered_bound
from tests.oracle.event import Event
from tests.oracle.history import merge
from tests.oracle.story import Story
from tests.oracle.verdict import Limits, judge

ATTEMPTS_MAX = 4
STRICT = Limits(
    attempts_max=ATTEMPTS_MAX,
    needs_empty_end=True,
    needs_settled=True,
    recovered_max=100,
    duplicated_max=200,
)


class PerfectQueue:
    """A queue that keeps every promise, telling its story while random steps are made on it."""

    def __init__(self) -> None:
        self.story = Story()
        self.waiting: dict[str, int] = {}
        self.sent = 0
        self.done = 0
        self.dead = 0
        self.workers = 0

    def send(self, outcome: str) -> None:
        """Send one message; "lost-call" never reached the store and got no answer."""
        message = f"m{len(self.story.events)}"
        self.story.send(message, outcome="" if outcome in ("no-answer", "lost-call") else outcome)
        if outcome in ("ok", "no-answer"):
            self.waiting[message] = 1
            self.sent += 1

    def work(self, end: str) -> None:
        """Deliver the oldest message and end the delivery in the given way."""
        if not self.waiting:
            return
        message, attempt = next(iter(self.waiting.items()))
        client = f"worker-{self.workers}"
        self.story.receive(message, attempt=attempt, client=client)
        del self.waiting[message]
        if end in ("retry", "kill") and attempt < ATTEMPTS_MAX:
            self.waiting[message] = attempt + 1
        if end == "kill" and attempt < ATTEMPTS_MAX:
            self.story.note("kill", target=client)
            self.workers += 1
        elif end == "ack":
            self.done += 1
            self.story.settle(message, attempt=attempt, client=client)
        elif message in self.waiting:
            self.story.settle(message, attempt=attempt, verdict="retry", client=client)
        else:
            self.dead += 1
            self.story.settle(message, attempt=attempt, verdict="reject", client=client)
            self.story.note("dead", message)

    def finish(self) -> list[Event]:
        """Drain, look, and give the whole story."""
        while self.waiting:
            self.work("ack")
        self.story.note("scanned")
        self.story.note("depth", sent=self.sent, done=self.done, dead=self.dead)
        return self.story.events


@st.composite
def good_stories(draw: st.DrawFn) -> list[Event]:
    """Draw the story of a perfect queue."""
    queue = PerfectQueue()
    for step in draw(st.lists(st.sampled_from("sssswwww"), min_size=1, max_size=40)):
        if step == "s":
            queue.send(draw(st.sampled_from(["ok", "ok", "no-answer", "lost-call", "failed"])))
        else:
            queue.work(draw(st.sampled_from(["ack", "ack", "retry", "reject", "kill"])))
    return queue.finish()


@given(good_stories())
def test_story_of_a_perfect_queue_passes(events: list[Event]) -> None:
    verdict = judge(merge(events), STRICT)
    assert verdict.is_good, verdict.text()


def _first(events: list[Event], wanted: Callable[[Event], bool]) -> int:
    found = [at for at, event in enumerate(events) if wanted(event)]
    assume(found)
    return found[0]


def _receive_of_acknowledged(events: list[Event]) -> int:
    sure = {e.id for e in events if e.op == "send" and e.outcome == "ok"}
    return _first(events, lambda e: e.op == "receive" and e.id in sure)


def forget_deliveries(events: list[Event]) -> list[Event]:
    message = events[_receive_of_acknowledged(events)].id
    return [e for e in events if e.id != message or e.op == "send"]


def change_body(events: list[Event]) -> list[Event]:
    at = _receive_of_acknowledged(events)
    return [*events[:at], replace(events[at], checksum="other"), *events[at + 1 :]]


def change_id(events: list[Event]) -> list[Event]:
    at = _receive_of_acknowledged(events)
    return [*events[:at], replace(events[at], id="stranger"), *events[at + 1 :]]


def repeat_attempt(events: list[Event]) -> list[Event]:
    at = _receive_of_acknowledged(events)
    again = replace(events[at], client="ghost", seq=0, lease="ghost", mono_ns=1 << 50)
    return [*events, again]


def accept_a_stale_ack(events: list[Event]) -> list[Event]:
    at = _first(events, lambda e: e.op == "settle" and e.outcome == "ok")
    call = next(
        e
        for e in events
        if e.phase == "call" and e.seq == events[at].call and e.client == events[at].client
    )
    late = replace(call, client="ghost", seq=0, mono_ns=1 << 50, detail={"verdict": "ack"})
    answer = replace(events[at], client="ghost", seq=1, call=0, mono_ns=(1 << 50) + 1)
    acked = call.detail["verdict"] == "ack"
    superseded = any(
        e.op == "receive" and e.id == call.id and e.lease != call.lease and e.mono_ns > call.mono_ns
        for e in events
    )
    assume(acked or superseded)
    return [*events, late, answer]


def miscount(events: list[Event]) -> list[Event]:
    last = events[-1]
    return [*events[:-1], replace(last, detail={**last.detail, "done": 10_000})]


@pytest.mark.parametrize(
    "mutate",
    [forget_deliveries, change_body, change_id, repeat_attempt, accept_a_stale_ack, miscount],
)
def test_one_change_makes_a_good_story_fail(
    mutate: Callable[[list[Event]], list[Event]],
) -> None:
    @given(good_stories())
    def check(events: list[Event]) -> None:
        verdict = judge(merge(mutate(events)), STRICT)
        assert not verdict.is_good

    check()


def test_slow_recorder_is_no_violation() -> None:
    """The second claim may have begun before the first delivery was written down."""
    story = Story()
    story.send("a")
    began_ns = story.now_ms * 1_000_000
    story.receive("a", attempt=2, client="other", since_ns=began_ns)
    story.receive("a", attempt=1, since_ns=began_ns)
    story.settle("a", attempt=2, client="other")
    story.settle("a", attempt=1, outcome="lost")
    assert judge(merge(story.events)).is_good


def test_lapsed_lease_of_a_hung_client_may_be_followed_by_another() -> None:
    story = Story()
    story.send("a")
    story.receive("a")
    story.note("pause", target="worker")
    story.receive("a", attempt=2, client="other")
    story.settle("a", attempt=2, client="other")
    story.settle("a", attempt=1, outcome="lost")
    assert judge(merge(story.events)).is_good


def test_asked_redelivery_is_no_duplicate_and_a_removed_message_is_not_lost() -> None:
    story = Story()
    story.send("a")
    story.receive("a")
    story.settle("a", verdict="retry")
    story.receive("a", attempt=2)
    story.settle("a", attempt=2)
    story.send("gone")
    call = story.tell("admin", "call", "remove", id="gone")
    story.tell("admin", "return", "remove", id="gone", outcome="ok", call=call.seq)
    verdict = judge(merge(story.events), Limits(duplicated_max=0)).require_good()
    assert (
        verdict.accounting.line()
        == "0 lost, 0 unexpected, 0 duplicated (0 from resends), 0 recovered"
    )


def test_recovered_counts_sends_without_an_answer() -> None:
    story = Story()
    story.send("a", outcome="")
    story.send("b", outcome="unknown")
    story.receive("a")
    sums = judge(merge(story.events)).accounting
    assert (sums.recovered, sums.lost) == (1, ())


def test_bounds_of_honest_duplicates() -> None:
    assert duplicate_bound(consumer_kills=30, held=48) == 30 * 48
    assert duplicate_bound(
        consumer_kills=0, held=10, consumers=2, server_kills=3, settles_per_s=1000, forget_s=0.6
    ) == 3 * (20 + 600)
    assert recovered_bound(producer_kills=4, in_flight=100) == 400
    assert recovered_bound(producer_kills=0, in_flight=100, producers=2, server_kills=1) == 200


def test_a_claim_that_waited_for_its_turn_is_not_the_older_one() -> None:
    """B begins to claim, A claims and gives back, B is given it: A's lease is not newer."""
    story = Story()
    story.send("a")
    began_ns = story.now_ms * 1_000_000
    story.now_ms += 5
    story.receive("a", attempt=1, client="quick", since_ns=story.now_ms * 1_000_000)
    story.settle("a", attempt=1, verdict="retry", client="quick")
    story.receive("a", attempt=2, client="patient", since_ns=began_ns)
    story.settle("a", attempt=2, client="patient")
    assert judge(merge(story.events)).violations == ()
