// Promise: of a key one message at a time is out, in the order of the key; what waits goes behind
// one that is to be parked, and back with one that goes back; and no claim waits for itself.
#include "dispatch/key_gate.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq {
namespace {

using Bodies = std::vector<std::string>;
using Messages = std::vector<std::pair<std::string, std::string>>;
using Ref = KeyGate::Ref;

std::string body_of(const Ref& what) {
  const auto [block, index] = what.held->locate(what.ordinal);
  return std::string(block->body(index));
}

Bodies bodies_of(const std::vector<Ref>& refs) {
  Bodies out;
  for (const Ref& each : refs) out.push_back(body_of(each));
  return out;
}

Bodies bodies_of(const std::vector<Span>& spans) {
  Bodies out;
  for (const Span& span : spans)
    for (std::uint32_t i = span.from; i < span.to; ++i) out.push_back(body_of({span.held, i}));
  return out;
}

class KeyGateTest : public ::testing::Test {
 protected:
  HeldPtr hold(transport::Claimed claimed) {
    return test::held_of(std::move(claimed), traffic, Nanos(0));
  }
  HeldPtr hold(const Messages& messages) { return hold(test::keyed_claim_of(messages, ++seq)); }
  // All of a claim, for one outlet.
  HeldPtr admit(HeldPtr held, KeyGate::Outlet& to) {
    moves = {};
    for (std::uint32_t i = 0; i < held->total; ++i) gate.admit({held, i}, to, moves);
    return held;
  }
  HeldPtr admit(const Messages& messages) { return admit(hold(messages), *outlet); }

  Bodies take(KeyGate::Outlet& from, std::uint32_t count = 100) {
    std::vector<Span> spans;
    const std::uint32_t got = gate.take(from, count, spans);
    Bodies out = bodies_of(spans);
    EXPECT_EQ(out.size(), got);
    return out;
  }
  Bodies take() { return take(*outlet); }
  Bodies take_rows(std::uint32_t count) {
    std::vector<Span> spans;
    const std::uint32_t got = gate.take(*outlet, count, spans, true);
    EXPECT_EQ(got, bodies_of(spans).size());
    return bodies_of(spans);
  }
  void decide(const HeldPtr& held, std::uint32_t ordinal, Verdict verdict = Verdict::kAck) {
    moves = {};
    gate.decide({{{held, ordinal}, verdict}}, moves);
  }
  void give_back(const HeldPtr& held, std::uint32_t ordinal) {
    moves = {};
    gate.give_back({{held, ordinal, ordinal + 1}}, moves);
  }
  void land(const HeldPtr& held, std::uint32_t ordinal) {
    moves = {};
    gate.landed(held, ordinal, moves);
  }
  void lapse(const HeldPtr& held) {
    moves = {};
    gate.lapsed(held, moves);
  }
  void end(const HeldPtr& held) {
    moves = {};
    gate.ended(held, moves);
  }

  void shed() {
    moves = {};
    sheds.clear();
    gate.shed(*outlet, sheds, moves);
  }

  Traffic traffic{"q"};
  test::FakeClock clock;
  KeyGate gate{clock};
  std::vector<Shed> sheds;
  KeyGate::OutletPtr outlet = std::make_shared<KeyGate::Outlet>();
  KeyGate::OutletPtr other = std::make_shared<KeyGate::Outlet>();
  KeyGate::Moves moves;
  std::uint64_t seq = 100;
};

TEST_F(KeyGateTest, OneOfAKeyIsOutAtATimeInOrder) {
  EXPECT_FALSE(gate.is_in_use());
  const auto held = admit({{"k", "0"}, {"k", "1"}, {"k", "2"}});
  EXPECT_TRUE(gate.is_in_use());
  EXPECT_EQ(moves.fed.size(), 1u);
  EXPECT_EQ(outlet->ready(), 1u);
  EXPECT_EQ(outlet->waiting(), 3u);
  EXPECT_EQ(take(), Bodies{"0"});
  EXPECT_EQ(take(), Bodies{});
  decide(held, 0);
  EXPECT_EQ(moves.fed.size(), 1u);
  EXPECT_EQ(take(), Bodies{"1"});
  decide(held, 1, Verdict::kReject);
  EXPECT_EQ(take(), Bodies{"2"});
  EXPECT_EQ(outlet->waiting(), 0u);
}

TEST_F(KeyGateTest, DifferentKeysAreOutAtOnceAndTheCountIsALimit) {
  admit({{"a", "a0"}, {"a", "a1"}, {"b", "b0"}, {"c", "c0"}});
  EXPECT_EQ(take(*outlet, 2), (Bodies{"a0", "b0"}));
  EXPECT_EQ(outlet->ready(), 1u);
  EXPECT_EQ(take(), Bodies{"c0"});
}

TEST_F(KeyGateTest, TheOrderIsThatOfThePlaces) {
  const auto later = hold({{"k", "later"}});
  const auto first = hold(test::returned_claim_of({{"k", "first"}}, 1));
  admit(later, *outlet);
  admit(first, *outlet);
  EXPECT_EQ(take(), Bodies{"first"});
  decide(first, 0);
  EXPECT_EQ(take(), Bodies{"later"});
}

// Else whoever waits for the other outlet is never told.
TEST_F(KeyGateTest, WhoeverIsFirstNowIsTold) {
  const auto later = hold({{"k", "later"}});
  const auto first = hold(test::returned_claim_of({{"k", "first"}}, 1));
  admit(later, *outlet);
  EXPECT_EQ(outlet->ready(), 1u);
  admit(first, *other);
  EXPECT_EQ(outlet->ready(), 0u);
  ASSERT_EQ(moves.fed, std::vector{other});
  EXPECT_EQ(take(), Bodies{});
  EXPECT_EQ(take(*other), Bodies{"first"});
  decide(first, 0);
  EXPECT_EQ(moves.fed, std::vector{outlet});
}

TEST_F(KeyGateTest, ARetrySendsWhatWaitsInItsClaimBehindInTheSameDecision) {
  for (const Verdict verdict : {Verdict::kRetry, Verdict::kSnooze}) {
    const auto held = admit({{"k", "0"}, {"x", "x"}, {"k", "1"}, {"k", "2"}});
    EXPECT_EQ(take(), (Bodies{"0", "x"}));
    decide(held, 0, verdict);
    EXPECT_EQ(bodies_of(moves.behind), (Bodies{"1", "2"}));
    EXPECT_EQ(moves.gone.size(), 2u);
    EXPECT_EQ(outlet->waiting(), 0u);
    decide(held, 1);
    for (const std::uint32_t ordinal : {0u, 2u, 3u}) land(held, ordinal);
    const auto next = admit({{"k", "3"}});
    EXPECT_EQ(take(), Bodies{"3"}) << "the store tells of what is parked";
    decide(next, 0);
  }
}

TEST_F(KeyGateTest, WhatWaitsInOtherClaimsGoesBehindWhenTheRetryHasLanded) {
  const auto held = admit({{"k", "0"}});
  admit({{"k", "1"}});
  take();
  decide(held, 0, Verdict::kRetry);
  EXPECT_TRUE(moves.behind.empty());
  admit({{"k", "2"}});
  EXPECT_EQ(take(), Bodies{}) << "nothing overtakes what is on its way";
  land(held, 0);
  EXPECT_EQ(bodies_of(moves.behind), (Bodies{"1", "2"}));
  EXPECT_EQ(moves.gone.size(), 2u);
}

// Its claim was lost, and it is first in the store as before: parked, the others would be first.
TEST_F(KeyGateTest, ARetryThatIsLostSendsWhatWaitsBack) {
  const auto held = admit({{"k", "0"}});
  const auto next = admit({{"k", "1"}});
  take();
  decide(held, 0, Verdict::kRetry);
  held->is_lost = true;
  end(held);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"1"});
  land(held, 0);
  EXPECT_TRUE(moves.behind.empty() && moves.back.empty());
  end(next);
  admit({{"k", "0"}, {"k", "1"}});
  EXPECT_EQ(take(), Bodies{"0"});
}

TEST_F(KeyGateTest, WhatCameBackWaitsForOneBeforeItThatIsOnItsWay) {
  const auto first = admit(hold(test::returned_claim_of({{"k", "0"}}, 1)), *outlet);
  take();
  decide(first, 0, Verdict::kRetry);
  admit(hold(test::returned_claim_of({{"k", "1"}}, 2)), *outlet);
  EXPECT_EQ(take(), Bodies{});
  land(first, 0);
  EXPECT_EQ(bodies_of(moves.behind), Bodies{"1"});
}

TEST_F(KeyGateTest, WhatIsOnItsWayHoldsUpNothingBeforeIt) {
  const auto late = admit(hold(test::returned_claim_of({{"k", "1"}}, 2)), *outlet);
  take();
  decide(late, 0, Verdict::kRetry);
  admit(hold(test::returned_claim_of({{"k", "0"}}, 1)), *outlet);
  EXPECT_EQ(take(), Bodies{"0"});
}

TEST_F(KeyGateTest, WhatTheStoreSaysMustWaitGoesBehindAtOnce) {
  auto claimed = test::keyed_claim_of({{"k", "0"}, {"x", "x"}}, ++seq);
  claimed.away.set(0);
  const auto held = hold(std::move(claimed));
  KeyGate::Moves told;
  EXPECT_FALSE(gate.admit({held, 0}, *outlet, told));
  EXPECT_TRUE(gate.admit({held, 1}, *outlet, told));
  EXPECT_EQ(bodies_of(told.behind), Bodies{"0"});
  EXPECT_EQ(outlet->waiting(), 1u);
  admit({{"k", "1"}});
  EXPECT_EQ(take(), Bodies{"x"});
  land(held, 0);
  EXPECT_EQ(bodies_of(moves.behind), Bodies{"1"});
}

// A claim goes back when all of it is decided or going back: it must not wait for itself.
TEST_F(KeyGateTest, WithAMessageThatGoesBackGoesWhatWaitsBehindIt) {
  const auto held = admit({{"k", "0"}, {"k", "1"}});
  const auto next = admit({{"k", "2"}});
  take();
  give_back(held, 0);
  EXPECT_EQ(bodies_of(moves.back), (Bodies{"1", "2"}));
  EXPECT_EQ(moves.gone.size(), 2u);
  end(held);
  end(next);
  admit({{"k", "0"}});
  EXPECT_EQ(take(), Bodies{"0"});
}

TEST_F(KeyGateTest, WhatIsLeftHoldsItsKeyUntilItsClaimEnds) {
  const auto held = admit({{"k", "0"}, {"k", "1"}});
  take();
  decide(held, 0, Verdict::kLeave);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"1"});
  const auto next = admit({{"k", "2"}});
  EXPECT_EQ(take(), Bodies{});
  end(held);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"2"}) << "0 is before it";
  end(next);
  admit({{"k", "0"}});
  EXPECT_EQ(take(), Bodies{"0"});
}

// It is told of while the claim is still coming in.
TEST_F(KeyGateTest, WhatComesInBehindAHoleOfItsOwnClaimGoesBackToo) {
  const auto held = hold({{"k", "0"}, {"k", "1"}});
  KeyGate::Moves told;
  EXPECT_TRUE(gate.admit({held, 0}, *outlet, told));
  take();
  give_back(held, 0);
  EXPECT_FALSE(gate.admit({held, 1}, *outlet, told));
  EXPECT_EQ(bodies_of(told.back), Bodies{"1"});
  EXPECT_EQ(outlet->waiting(), 0u);
}

TEST_F(KeyGateTest, AHoleHoldsUpNothingBeforeIt) {
  const auto late = admit({{"k", "late"}});
  take();
  give_back(late, 0);
  const auto first = admit(hold(test::returned_claim_of({{"k", "first"}}, 1)), *outlet);
  EXPECT_EQ(take(), Bodies{"first"});
  end(late);
  decide(first, 0);
  EXPECT_EQ(outlet->waiting(), 0u);
}

TEST_F(KeyGateTest, ALostClaimSendsBackWhatWaitsBehindItsMessages) {
  const auto lost = admit({{"k", "0"}, {"k", "1"}, {"x", "x0"}});
  const auto next = admit({{"k", "2"}, {"x", "x1"}, {"y", "y"}});
  EXPECT_EQ(take(), (Bodies{"0", "x0", "y"}));
  decide(lost, 2);
  EXPECT_EQ(take(), Bodies{"x1"});
  end(lost);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"2"}) << "x0 was decided, y is of no key of it";
  EXPECT_EQ(moves.gone.size(), 2u) << "1 will not come out either";
  EXPECT_EQ(outlet->waiting(), 0u);
  decide(lost, 0, Verdict::kRetry);
  EXPECT_TRUE(moves.behind.empty()) << "too late";
}

// The store may not know yet: what it hands out meanwhile must not overtake.
TEST_F(KeyGateTest, WhereALeaseIsOverNothingOvertakesWhatWasInHand) {
  const auto over = admit({{"k", "0"}, {"k", "1"}});
  admit({{"k", "2"}});
  EXPECT_EQ(take(), Bodies{"0"});
  lapse(over);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"2"});
  EXPECT_EQ(moves.gone.size(), 2u);
  admit({{"k", "3"}});
  EXPECT_EQ(take(), Bodies{});
  auto again = test::keyed_claim_of({{"k", "0"}, {"k", "1"}}, 101);  // the same places
  admit(hold(std::move(again)), *outlet);
  EXPECT_EQ(take(), Bodies{"0"});
  over->is_lost = true;
  end(over);
  EXPECT_TRUE(moves.back.empty()) << "it has come again";
}

TEST_F(KeyGateTest, WhatIsSettledAfterItsLeaseHoldsUpNothing) {
  const auto over = admit({{"k", "0"}});
  take();
  lapse(over);
  const auto next = admit({{"k", "1"}, {"k", "2"}});
  decide(over, 0);
  EXPECT_EQ(take(), Bodies{"1"});
  lapse(next);
  decide(next, 0, Verdict::kRetry);
  admit({{"k", "3"}});
  EXPECT_EQ(take(), Bodies{}) << "not before it has landed";
  land(next, 0);
  EXPECT_EQ(bodies_of(moves.behind), Bodies{"3"});
}

// The acknowledgement of a whole lot names the others too.
TEST_F(KeyGateTest, TheFirstDecisionOfAMessageCounts) {
  const auto held = admit({{"k", "0"}});
  const auto next = admit({{"k", "1"}});
  take();
  moves = {};
  gate.decide({{{held, 0}, Verdict::kRetry}, {{held, 0}, Verdict::kAck}}, moves);
  EXPECT_EQ(take(), Bodies{});
}

// Its worker had stopped; another's claim of the same exchange has what comes behind it.
TEST_F(KeyGateTest, NothingOvertakesAClaimThatNobodyWanted) {
  const auto refused = hold({{"k", "0"}, {"k", "1"}});
  moves = {};
  gate.give_back({{refused, 0, 2}}, moves);
  EXPECT_TRUE(gate.is_in_use());
  admit({{"k", "2"}});
  EXPECT_EQ(take(), Bodies{});
  end(refused);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"2"});
  refused->is_lost = true;
  gate.give_back({{refused, 0, 1}}, moves);
  admit({{"k", "3"}});
  EXPECT_EQ(take(), Bodies{}) << "2 goes back with its claim";
}

TEST_F(KeyGateTest, WhatIsGivenBackOfALostClaimHoldsUpNothing) {
  const auto lost = hold({{"k", "0"}});
  lost->is_lost = true;
  moves = {};
  gate.give_back({{lost, 0, 1}}, moves);
  admit({{"k", "1"}});
  EXPECT_EQ(take(), Bodies{"1"});
}

TEST_F(KeyGateTest, EndingTwiceChangesNothing) {
  const auto held = admit({{"k", "0"}});
  take();
  end(held);
  admit({{"k", "1"}});
  end(held);
  EXPECT_EQ(take(), Bodies{"1"});
}

TEST_F(KeyGateTest, WhatWaitsForAWithdrawnOutletGoesBackAndWhatIsBehindIt) {
  const auto held = hold({{"k", "0"}, {"k", "1"}, {"x", "x"}});
  KeyGate::Moves told;
  EXPECT_TRUE(gate.admit({held, 0}, *outlet, told));
  EXPECT_TRUE(gate.admit({held, 1}, *other, told));
  EXPECT_TRUE(gate.admit({held, 2}, *other, told));
  std::vector<Span> back;
  moves = {};
  gate.withdraw(*outlet, back, moves);
  EXPECT_EQ(bodies_of(back), Bodies{"0"});
  EXPECT_EQ(bodies_of(moves.back), Bodies{"1"});
  EXPECT_EQ(outlet->waiting() + outlet->ready(), 0u);
  EXPECT_EQ(other->waiting(), 1u);
  EXPECT_EQ(take(*other), Bodies{"x"});
}

TEST_F(KeyGateTest, AWithdrawnOutletFreesWhatWasBehindItsTurnOnly) {
  const auto held = hold({{"k", "0"}, {"k", "1"}});
  KeyGate::Moves told;
  EXPECT_TRUE(gate.admit({held, 0}, *outlet, told));
  EXPECT_TRUE(gate.admit({held, 1}, *other, told));
  EXPECT_EQ(take(), Bodies{"0"});
  std::vector<Span> back;
  moves = {};
  gate.withdraw(*outlet, back, moves);
  EXPECT_TRUE(back.empty() && moves.back.empty()) << "0 is in hand";
  decide(held, 0);
  EXPECT_EQ(take(*other), Bodies{"1"}) << "another worker's";
}

TEST_F(KeyGateTest, WhatWaitsForASlowKeyIsShedBehindTheOneInHand) {
  const auto slow = admit({{"k", "0"}, {"k", "1"}, {"x", "x0"}, {"x", "x1"}});
  admit({{"k", "2"}});
  EXPECT_EQ(take(), (Bodies{"0", "x0"}));
  clock.advance(std::chrono::milliseconds(900));
  decide(slow, 2);
  EXPECT_EQ(take(), Bodies{"x1"});
  shed();
  EXPECT_TRUE(sheds.empty()) << "it is not slow yet";
  clock.advance(std::chrono::milliseconds(200));
  shed();
  ASSERT_EQ(sheds.size(), 1u);
  EXPECT_EQ(bodies_of(sheds[0].in_hand), Bodies{"0"});
  EXPECT_EQ(bodies_of(sheds[0].behind), (Bodies{"1", "2"}));
  EXPECT_EQ(moves.gone.size(), 2u);
  EXPECT_EQ(outlet->waiting(), 0u);
  decide(slow, 0);
  EXPECT_EQ(take(), Bodies{}) << "they are on their way";
  shed();
  EXPECT_TRUE(sheds.empty());
}

// One chunk of a key comes back at a time. Parked again, all of it would be written for each
// message.
TEST_F(KeyGateTest, WhatCameBackIsNotShedAndIsNotTooMuch) {
  const auto back = admit(hold(test::returned_claim_of({{"k", "0"}, {"k", "1"}}, 1)), *outlet);
  admit({{"k", "2"}, {"k", "3"}});
  EXPECT_EQ(take(), Bodies{"0"});
  EXPECT_EQ(outlet->blocked(), 3u);
  EXPECT_EQ(outlet->fresh_blocked(), 2u);
  clock.advance(std::chrono::seconds(2));
  shed();
  ASSERT_EQ(sheds.size(), 1u);
  EXPECT_EQ(bodies_of(sheds[0].behind), (Bodies{"2", "3"}));
  EXPECT_EQ(outlet->fresh_blocked(), 0u);
  decide(back, 0);
  EXPECT_EQ(take(), Bodies{"1"});
  EXPECT_EQ(outlet->waiting(), 0u);
}

// At 2 ms each, 600 of them keep others waiting for more than a second.
TEST_F(KeyGateTest, AKeyIsSlowWhenAllOfItTakesLong) {
  const auto held = admit(Messages(601, {"k", "0"}));
  EXPECT_EQ(take().size(), 1u);
  clock.advance(std::chrono::milliseconds(2));
  shed();
  EXPECT_TRUE(sheds.empty()) << "its pace is not known";
  decide(held, 0);
  shed();
  ASSERT_EQ(sheds.size(), 1u);
  EXPECT_EQ(sheds[0].in_hand.size(), 1u) << "what is first is as good as in hand";
  EXPECT_EQ(bodies_of(sheds[0].behind).size(), 599u);
  EXPECT_EQ(take().size(), 1u);
}

TEST_F(KeyGateTest, OneSlotMayRunSomeOfAKeyInARow) {
  const auto held = admit({{"k", "0"}, {"x", "x0"}, {"k", "1"}, {"k", "2"}, {"x", "x1"}});
  admit({{"k", "3"}});
  EXPECT_EQ(take_rows(4), (Bodies{"0", "1", "x0", "x1"})) << "each key has its share";
  decide(held, 0);
  EXPECT_EQ(take_rows(4), Bodies{}) << "1 is in hand";
  decide(held, 2);
  decide(held, 1);
  decide(held, 4);
  EXPECT_EQ(take_rows(4), Bodies{"2"}) << "3 is of another claim";
}

TEST_F(KeyGateTest, WhatFollowsARetryInItsRowGoesBehindIt) {
  const auto held = admit({{"k", "0"}, {"k", "1"}, {"k", "2"}, {"k", "3"}});
  EXPECT_EQ(take_rows(3), (Bodies{"0", "1", "2"}));
  moves = {};
  gate.decide({{{held, 1}, Verdict::kRetry},
               {{held, 2}, Verdict::kBehind},
               {{held, 0}, Verdict::kAck},
               {{held, 1}, Verdict::kAck},
               {{held, 2}, Verdict::kAck}},
              moves);
  EXPECT_EQ(bodies_of(moves.behind), Bodies{"3"});
  admit({{"k", "4"}});
  EXPECT_EQ(take(), Bodies{});
  for (const std::uint32_t ordinal : {1u, 2u, 3u}) land(held, ordinal);
  EXPECT_EQ(bodies_of(moves.behind), Bodies{}) << "4 went when 1 had landed";
}

TEST_F(KeyGateTest, ARowThatGoesBackHoldsItsKeyUntilItsClaimEnds) {
  const auto held = admit({{"k", "0"}, {"k", "1"}, {"k", "2"}});
  EXPECT_EQ(take_rows(2), (Bodies{"0", "1"}));
  decide(held, 0);
  moves = {};
  gate.give_back({{held, 1, 2}}, moves);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"2"});
  const auto next = admit({{"k", "3"}});
  EXPECT_EQ(take(), Bodies{});
  end(held);
  EXPECT_EQ(bodies_of(moves.back), Bodies{"3"});
}

TEST_F(KeyGateTest, QueuesOfOneKeyAreApart) {
  auto elsewhere = test::keyed_claim_of({{"k", "b"}}, 1);
  elsewhere.key.subscription = 2;
  admit({{"k", "a"}});
  admit(hold(std::move(elsewhere)), *outlet);
  EXPECT_EQ(take(), (Bodies{"a", "b"}));
}

}  // namespace
}  // namespace msgq
