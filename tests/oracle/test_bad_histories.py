"""The oracle must reject each of these hand-made histories: one that never fails proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.oracle.history import merge
from tests.oracle.story import Story
from tests.oracle.verdict import Limits, judge

Teller = Callable[[Story], None]
BAD: dict[str, tuple[str, Limits, Teller]] = {}


def bad(invariant: str, **limits: object) -> Callable[[Teller], Teller]:
    """Register a history that must be rejected for this invariant."""

    def register(tell: Teller) -> Teller:
        BAD[tell.__name__] = (invariant, Limits(**limits), tell)  # type: ignore[arg-type]
        return tell

    return register


@bad("I1")
def acknowledged_but_never_received(story: Story) -> None:
    story.whole("a")
    story.send("b")


@bad("I1")
def received_but_never_sent(story: Story) -> None:
    story.whole("a")
    story.receive("stranger")


@bad("I1")
def received_although_the_send_surely_failed(story: Story) -> None:
    story.send("a", outcome="failed")
    story.receive("a")


@bad("I1")
def dead_letter_that_nobody_sent(story: Story) -> None:
    story.note("dead", "stranger")


@bad("I1")
def stored_twice_by_a_resend(story: Story) -> None:
    story.send("a")
    story.receive("a", attempt=1, stored="one")
    story.settle("a", attempt=1)
    story.receive("a", attempt=2, stored="two")


@bad("I2")
def body_changed_on_the_way(story: Story) -> None:
    story.send("a")
    story.receive("a", checksum="sum-of-something-else")


@bad("I3")
def two_valid_leases_at_once(story: Story) -> None:
    story.send("a")
    story.receive("a", attempt=1)
    story.receive("a", attempt=2, client="other")
    story.settle("a", attempt=2, client="other")


@bad("I3")
def second_lease_before_an_extended_one_ended(story: Story) -> None:
    story.send("a")
    story.receive("a", until_ns=story.now_ms * 1_000_000 + 2_000_000)
    call = story.tell("worker", "call", "extend", id="a", lease="lease-1")
    until = {"until_ns": story.now_ms * 1_000_000 + 9_000_000}
    story.tell(
        "worker",
        "return",
        "extend",
        id="a",
        lease="lease-1",
        outcome="ok",
        call=call.seq,
        detail=until,
    )
    story.now_ms += 3
    story.receive("a", attempt=2, client="other")


@bad("I3")
def superseded_lease_settles(story: Story) -> None:
    story.send("a")
    story.receive("a", until_ns=story.now_ms * 1_000_000 + 1)
    story.receive("a", attempt=2, client="other")
    story.settle("a", attempt=1)


@bad("I3")
def settled_for_good_twice(story: Story) -> None:
    story.whole("a")
    story.settle("a", attempt=1)


@bad("I3")
def handed_out_again_after_ack(story: Story) -> None:
    story.whole("a")
    story.receive("a", attempt=2)


@bad("I3")
def settle_under_a_lease_nobody_held(story: Story) -> None:
    story.whole("a")
    story.send("b")
    story.receive("b")
    story.settle("b", attempt=7, verdict="retry")


@bad("I5")
def same_attempt_twice(story: Story) -> None:
    story.send("a")
    story.receive("a", attempt=1, lease="one")
    story.note("kill", target="worker")
    story.receive("a", attempt=1, lease="two", client="other")


@bad("I5")
def attempt_forgotten_by_a_restart(story: Story) -> None:
    story.send("a")
    story.receive("a", attempt=3)
    story.note("kill", target="worker")
    story.receive("a", attempt=2, client="other")


@bad("I5", attempts_max=2)
def more_attempts_than_allowed(story: Story) -> None:
    story.send("a")
    for attempt in (1, 2, 3):
        story.receive("a", attempt=attempt)
        story.settle("a", attempt=attempt, verdict="retry")


@bad("I5")
def dead_lettered_twice(story: Story) -> None:
    story.send("a")
    story.receive("a")
    story.settle("a", verdict="reject")
    story.note("dead", "a")
    story.note("dead", "a")


@bad("I5", attempts_max=1)
def given_up_but_nowhere(story: Story) -> None:
    story.send("a")
    story.receive("a")
    story.settle("a", verdict="retry")
    story.note("scanned")


@bad("I5")
def acknowledged_and_dead(story: Story) -> None:
    story.whole("a")
    story.note("dead", "a")
    story.note("scanned")


@bad("I6")
def delivered_before_due(story: Story) -> None:
    story.send("a", due_ms=story.now_ms + 1_000)
    story.receive("a")


@bad("I6", due_slack_ms=50)
def delivered_long_after_due(story: Story) -> None:
    story.send("a", due_ms=story.now_ms + 10)
    story.now_ms += 100
    story.receive("a")


@bad("I6")
def retried_before_its_delay(story: Story) -> None:
    story.send("a")
    story.receive("a")
    story.settle("a", verdict="retry", due_ms=story.now_ms + 500)
    story.receive("a", attempt=2)
    story.settle("a", attempt=2)


@bad("I7", dedup_window_ms=1_000)
def two_messages_for_one_identifier(story: Story) -> None:
    story.send("a", dedup="welcome")
    story.receive("a")
    story.send("b", outcome="", dedup="welcome")
    story.receive("b")


@bad("I7", dedup_window_ms=1_000)
def duplicate_answered_with_an_error(story: Story) -> None:
    story.send("a", dedup="welcome")
    story.receive("a")
    story.send("b", outcome="failed", dedup="welcome")


@bad("I8")
def parts_do_not_sum_up(story: Story) -> None:
    story.whole("a")
    story.note("depth", sent=1, done=0, waiting=0)


@bad("I8")
def fewer_stored_than_acknowledged(story: Story) -> None:
    story.whole("a")
    story.whole("b")
    story.note("depth", sent=1, done=1)


@bad("I8", needs_empty_end=True)
def something_left_after_the_drain(story: Story) -> None:
    story.whole("a")
    story.send("b", outcome="")
    story.note("depth", sent=2, done=1, leased=1)


@bad("I8", needs_empty_end=True)
def nobody_looked_after_the_drain(story: Story) -> None:
    story.whole("a")


@bad("bound", duplicated_max=1)
def more_duplicates_than_kills_explain(story: Story) -> None:
    story.note("kill", target="worker")
    for message in ("a", "b"):
        story.send(message)
        story.receive(message)
        story.receive(message, attempt=2, client="other")


@bad("bound", recovered_max=0)
def more_recovered_than_kills_explain(story: Story) -> None:
    story.send("a", outcome="")
    story.receive("a")


@bad("settled", needs_settled=True)
def delivered_and_forgotten(story: Story) -> None:
    story.send("a")
    story.receive("a")


@bad("stale", stale_ms=100)
def visible_much_too_late(story: Story) -> None:
    story.send("a")
    story.now_ms += 500
    story.receive("a")


@pytest.mark.parametrize("name", BAD)
def test_bad_history_is_rejected_for_its_reason(name: str) -> None:
    invariant, limits, tell = BAD[name]
    story = Story()
    tell(story)
    verdict = judge(merge(story.events), limits)
    assert invariant in {violation.invariant for violation in verdict.violations}, verdict.text()
    with pytest.raises(AssertionError, match=invariant):
        verdict.require_good()


def test_every_invariant_has_a_bad_history() -> None:
    covered = {invariant for invariant, _, _ in BAD.values()}
    assert covered == {"I1", "I2", "I3", "I5", "I6", "I7", "I8", "bound", "settled", "stale"}
