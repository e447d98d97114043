// What handlers decide becomes one order a claim, each message decided once; a receipt answers when
// all of it is durable, and says so when a lease had gone.
#include "lease/settler.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq {
namespace {

using transport::Exchange;
using transport::ExchangeResult;
using transport::SettleOrder;

class SettlerTest : public ::testing::Test {
 protected:
  HeldPtr hold(std::uint32_t count, std::uint32_t attempt = 1) {
    auto claimed = test::claimed_of({test::parcel_of(test::numbers(count))});
    claimed.attempt = attempt;
    auto held = test::held_of(std::move(claimed), traffic, clock.steady());
    ledger.add(held);
    return held;
  }
  HeldPtr hold_keyed(const std::vector<std::pair<std::string, std::string>>& messages) {
    auto held = test::held_of(test::keyed_claim_of(messages, 7), traffic, clock.steady());
    ledger.add(held);
    return held;
  }
  Exchange collect() {
    Exchange out;
    settler.collect(out, clock.steady());
    return out;
  }
  void report(const Exchange& ex, const std::vector<bool>& lost = {}) {
    ExchangeResult result;
    result.settle_lost = lost.empty() ? std::vector<bool>(ex.settles.size(), false) : lost;
    settler.report(ex, result, clock.steady());
  }
  static ReceiptPtr receipt() { return std::make_shared<Receipt>(MessageId{}, 1); }
  static Settled all(const HeldPtr& held) {
    return {{{held, 0, held->total}}, {}, false, false, {}};
  }
  static Settled some(const HeldPtr& held, std::vector<std::pair<std::uint32_t, Verdict>> decided) {
    Settled settled;
    settled.only_named = true;
    for (const auto& [ordinal, verdict] : decided)
      settled.named.push_back({held, ordinal, {0, verdict, 2'000, "why", "{}"}});
    return settled;
  }
  static Settled back(std::vector<Span> spans) { return {std::move(spans), {}, false, true, {}}; }

  test::FakeClock clock;
  Config config;
  Traffic traffic{"q"};
  Ledger ledger{config, clock};
  Settler settler{clock, ledger};
};

TEST_F(SettlerTest, AWholeLotIsOneOrderAndTheClaimLeavesTheLedger) {
  const auto held = hold(3);
  settler.push(all(held));
  EXPECT_EQ(settler.pending(), 1U);
  const auto ex = collect();
  ASSERT_EQ(ex.settles.size(), 1U);
  EXPECT_TRUE(ex.settles[0].is_whole);
  EXPECT_EQ(ex.settles[0].acked, 3U);
  EXPECT_EQ(ledger.count(), 1U) << "not before it is durable";
  report(ex);
  EXPECT_EQ(ledger.count(), 0U);
  EXPECT_EQ(settler.pending(), 0U);
  EXPECT_EQ(traffic.snapshot().done, 3U);
}

TEST_F(SettlerTest, PartsOfOneClaimAddUpAcrossExchanges) {
  const auto held = hold(4);
  settler.push(some(held, {{1, Verdict::kAck}}));
  auto ex = collect();
  EXPECT_FALSE(ex.settles[0].is_whole);
  EXPECT_EQ(ex.settles[0].done.count(), 1U);
  report(ex);
  settler.push(some(held, {{0, Verdict::kAck}}));
  settler.push(some(held, {{3, Verdict::kAck}, {2, Verdict::kAck}}));
  ex = collect();
  ASSERT_EQ(ex.settles.size(), 1U);
  EXPECT_TRUE(ex.settles[0].is_whole);
  EXPECT_EQ(ex.settles[0].acked, 3U);
  report(ex);
  EXPECT_EQ(ledger.count(), 0U);
  EXPECT_EQ(traffic.snapshot().done, 4U);
}

TEST_F(SettlerTest, AMessageIsDecidedOnceTheFirstTime) {
  const auto held = hold(2);
  settler.push(some(held, {{0, Verdict::kReject}}));
  settler.push(some(held, {{0, Verdict::kAck}}));
  settler.push(all(held));
  settler.push(all(held));
  const auto ex = collect();
  ASSERT_EQ(ex.settles.size(), 1U);
  EXPECT_EQ(ex.settles[0].deads.size(), 1U);
  EXPECT_EQ(ex.settles[0].acked, 1U);
  report(ex);
  EXPECT_EQ(settler.pending(), 0U);
}

TEST_F(SettlerTest, NamedOnesAreDecidedAndTheRestIsAcknowledged) {
  const auto held = hold(3);
  auto settled = some(held, {{1, Verdict::kRetry}});
  settled.only_named = false;
  settled.spans = {{held, 0, 3}};
  settler.push(std::move(settled));
  const auto ex = collect();
  EXPECT_EQ(ex.settles[0].acked, 2U);
  ASSERT_EQ(ex.settles[0].backs.size(), 1U);
  EXPECT_EQ(ex.settles[0].backs[0].message.body, "1");
  EXPECT_EQ(ex.settles[0].backs[0].due_ms, clock.wall_ms() + 2'000);
  EXPECT_TRUE(ex.settles[0].is_whole);
}

TEST_F(SettlerTest, CountsAndHistoryComeAlong) {
  const auto held = hold(3, 4);
  settler.push(some(held, {{0, Verdict::kRetry}, {1, Verdict::kSnooze}, {2, Verdict::kReject}}));
  const auto ex = collect();
  const SettleOrder& order = ex.settles[0];
  EXPECT_EQ(order.backs[0].kind, SettleOrder::Return::kRetry);
  EXPECT_EQ(order.backs[0].message.counts.deliveries, 4U);
  EXPECT_EQ(order.backs[0].message.counts.failures, 1U);
  EXPECT_EQ(order.backs[0].message.history, "{}");
  EXPECT_EQ(order.backs[1].kind, SettleOrder::Return::kSnooze);
  EXPECT_EQ(order.backs[1].message.counts.deliveries, 3U) << "a snooze costs nothing";
  EXPECT_EQ(order.backs[1].message.counts.failures, 0U);
  EXPECT_EQ(order.deads[0].reason, "why");
  EXPECT_EQ(order.deads[0].message.counts.failures, 1U);
  report(ex);
  const auto seen = traffic.snapshot();
  EXPECT_EQ(seen.retried, 1U);
  EXPECT_EQ(seen.snoozed, 1U);
  EXPECT_EQ(seen.dead, 1U);
  EXPECT_EQ(seen.done, 0U);
}

TEST_F(SettlerTest, AnUntouchedClaimGoesBackWhole) {
  const auto held = hold(5);
  settler.push(back({{held, 0, 5}}));
  const auto ex = collect();
  EXPECT_TRUE(ex.settles[0].gives_back);
  EXPECT_FALSE(ex.settles[0].is_whole);
  EXPECT_TRUE(ex.settles[0].backs.empty());
  report(ex);
  EXPECT_EQ(ledger.count(), 0U);
}

// A claim of several types comes back as several spans; it once went back message by message.
TEST_F(SettlerTest, AClaimThatComesBackInPiecesGoesBackWhole) {
  const auto held = hold(6);
  settler.push(back({{held, 0, 2}, {held, 2, 6}}));
  const auto ex = collect();
  ASSERT_EQ(ex.settles.size(), 1U);
  EXPECT_TRUE(ex.settles[0].gives_back);
  EXPECT_TRUE(ex.settles[0].backs.empty());
}

TEST_F(SettlerTest, WhatIsLeftOfAPartlyDecidedClaimGoesBackWhole) {
  const auto held = hold(4);
  settler.push(some(held, {{0, Verdict::kAck}}));
  settler.push(back({{held, 0, 4}}));
  const auto ex = collect();
  EXPECT_TRUE(ex.settles[0].gives_back);
  EXPECT_EQ(ex.settles[0].done.count(), 1U);
  EXPECT_EQ(ex.settles[0].acked, 1U);
}

TEST_F(SettlerTest, WhileANeighbourRunsTheOthersGoBackOneByOneUncounted) {
  const auto held = hold(3, 2);
  settler.push(back({{held, 1, 3}}));  // 0 runs
  auto ex = collect();
  EXPECT_FALSE(ex.settles[0].gives_back);
  ASSERT_EQ(ex.settles[0].backs.size(), 2U);
  EXPECT_EQ(ex.settles[0].backs[0].message.counts.deliveries, 1U);
  EXPECT_LE(ex.settles[0].backs[0].due_ms, clock.wall_ms());
  report(ex);
  EXPECT_EQ(ledger.count(), 1U);
  settler.push(some(held, {{0, Verdict::kAck}}));
  ex = collect();
  EXPECT_TRUE(ex.settles[0].is_whole);
  report(ex);
  EXPECT_EQ(ledger.count(), 0U);
}

TEST_F(SettlerTest, PiecesAroundARunningMessageDoNotEndItsClaim) {
  const auto held = hold(3);
  settler.push(back({{held, 0, 1}, {held, 2, 3}}));  // 1 runs
  const auto ex = collect();
  EXPECT_FALSE(ex.settles[0].gives_back);
  EXPECT_EQ(ex.settles[0].backs.size(), 2U);
}

// A frame of a newer msgq cannot be sent on by us. It once ended the engine.
TEST_F(SettlerTest, WhatCannotBeReadLapsesSoThatAnotherProcessMayHaveIt) {
  auto parcel = test::parcel_of({"good"});
  parcel.frames += "\x40odd";
  parcel.ends.push_back(static_cast<std::uint32_t>(parcel.frames.size()));
  const auto held = test::held_of(test::claimed_of({std::move(parcel)}), traffic, clock.steady());
  ledger.add(held);
  settler.push(some(held, {{0, Verdict::kAck}, {1, Verdict::kRetry}}));
  const auto ex = collect();
  EXPECT_EQ(ex.settles[0].acked, 1U);
  EXPECT_TRUE(ex.settles[0].backs.empty());
  EXPECT_FALSE(ex.settles[0].is_whole);
  report(ex);
  clock.advance(std::chrono::seconds(15));
  Exchange renewals;
  ledger.collect(renewals, clock.steady());
  EXPECT_TRUE(renewals.extends.empty());
}

// One exchange for what was done and for what comes next, where each is a transaction.
TEST_F(SettlerTest, WhatNobodyWaitsForWaitsForAClaimAWhile) {
  bool is_claiming = false;
  settler.linger(std::chrono::milliseconds(2), [&] { return is_claiming; });
  const auto first = hold(1), second = hold(1);
  settler.push(all(first));
  EXPECT_TRUE(collect().settles.empty());
  EXPECT_EQ(settler.next_time(clock.steady()), clock.steady() + std::chrono::milliseconds(2));
  is_claiming = true;
  report(collect());
  EXPECT_EQ(settler.pending(), 0U);
  is_claiming = false;
  settler.push(all(second));
  EXPECT_TRUE(collect().settles.empty()) << "its time begins anew";
  clock.advance(std::chrono::milliseconds(2));
  EXPECT_EQ(settler.next_time(clock.steady()), clock.steady());
  EXPECT_EQ(collect().settles.size(), 1U);
}

TEST_F(SettlerTest, WhatSomebodyWaitsForGoesAtOnceAndTakesTheRestAlong) {
  settler.linger(std::chrono::seconds(1), [] { return false; });
  const auto acked = hold(1), returned = hold(1), failed = hold(1), waited = hold(1);
  std::vector<Settled> urgent;
  urgent.push_back(back({{returned, 0, 1}}));
  urgent.push_back(some(failed, {{0, Verdict::kRetry}}));
  urgent.push_back(all(waited));
  urgent.back().receipt = receipt();
  for (auto& each : urgent) {
    settler.push(all(acked));
    EXPECT_TRUE(collect().settles.empty());
    settler.push(std::move(each));
    EXPECT_EQ(settler.next_time(clock.steady()), clock.steady());
    const auto ex = collect();
    EXPECT_GE(ex.settles.size(), 1U);
    report(ex);
    EXPECT_EQ(settler.pending(), 0U);
  }
}

TEST_F(SettlerTest, AReceiptAnswersWhenItIsDurable) {
  const auto held = hold(2);
  auto settled = some(held, {{0, Verdict::kAck}});
  const auto answer = settled.receipt = receipt();
  settler.push(std::move(settled));
  const auto ex = collect();
  EXPECT_FALSE(answer->is_done());
  report(ex);
  EXPECT_EQ(answer->status(), ReceiptStatus::kPersisted);
}

TEST_F(SettlerTest, ALeaseThatTheStoreCallsLostChangesNothingAndSaysSo) {
  const auto lost = hold(2), kept = hold(1);
  auto settled = some(lost, {{0, Verdict::kAck}});
  const auto answer = settled.receipt = receipt();
  settler.push(std::move(settled));
  settler.push(all(kept));
  const auto ex = collect();
  std::vector<bool> result;
  for (const auto& order : ex.settles) result.push_back(order.claim == lost->claim.key);
  report(ex, result);
  EXPECT_EQ(answer->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(answer->error()->code(), ErrorCode::kLeaseLost);
  EXPECT_TRUE(lost->is_lost.load());
  EXPECT_EQ(traffic.snapshot().done, 1U) << "one lost lease undoes no other";
  EXPECT_EQ(traffic.snapshot().lost, 2U) << "the one decided in vain and the one not begun";
  EXPECT_EQ(ledger.count(), 0U);
}

// With nothing else to write there is no exchange; the answer once never came, and close() waited.
TEST_F(SettlerTest, WhatWasLostBeforeIsAnsweredWithoutAnExchange) {
  const auto held = hold(1);
  ledger.lose(held);
  auto settled = all(held);
  const auto answer = settled.receipt = receipt();
  settler.push(std::move(settled));
  EXPECT_TRUE(collect().empty());
  EXPECT_EQ(answer->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(answer->error()->code(), ErrorCode::kLeaseLost);
  EXPECT_EQ(settler.pending(), 0U);
}

TEST_F(SettlerTest, GivingUpAnswersSentAndUnsent) {
  const auto held = hold(2);
  auto first = some(held, {{0, Verdict::kAck}}), second = some(held, {{1, Verdict::kAck}});
  const auto sent = first.receipt = receipt();
  const auto unsent = second.receipt = receipt();
  settler.push(std::move(first));
  collect();
  settler.push(std::move(second));
  settler.give_up(Error(ErrorCode::kClosed, "closed"), true);
  EXPECT_EQ(sent->status(), ReceiptStatus::kInDoubt);
  EXPECT_EQ(sent->error()->code(), ErrorCode::kStoreInDoubt);
  EXPECT_EQ(unsent->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(unsent->error()->code(), ErrorCode::kClosed);
  EXPECT_EQ(settler.pending(), 0U);
}

TEST_F(SettlerTest, AfterCloseAReceiptFailsAtOnce) {
  const auto held = hold(1);
  settler.close();
  auto settled = all(held);
  const auto answer = settled.receipt = receipt();
  settler.push(std::move(settled));
  EXPECT_EQ(answer->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(answer->error()->code(), ErrorCode::kClosed);
  EXPECT_EQ(settler.pending(), 0U);
}

TEST_F(SettlerTest, WhatIsLeftIsDecidedByNobodyAndItsLeaseLapses) {
  const auto held = hold(4);
  held->until_ms.store(clock.boot_ms() + config.lease.count());
  auto settled = all(held);
  settled.named.push_back({held, 1, {0, Verdict::kLeave, 0, {}, {}}});
  settler.push(std::move(settled));
  auto ex = collect();
  ASSERT_EQ(ex.settles.size(), 1U);
  EXPECT_FALSE(ex.settles[0].is_whole);
  EXPECT_EQ(ex.settles[0].acked, 3U);
  EXPECT_FALSE(ex.settles[0].done.has(1));
  report(ex);
  settler.push(back({{held, 0, 4}}));
  settler.push(some(held, {{1, Verdict::kReject}}));
  ex = collect();
  EXPECT_FALSE(ex.settles.at(0).gives_back) << "it would end the claim";
  EXPECT_TRUE(ex.settles[0].deads.empty());
  report(ex);
  clock.advance(config.lease / 2);
  Exchange renewals;
  ledger.collect(renewals, clock.steady());
  EXPECT_TRUE(renewals.extends.empty());
  EXPECT_EQ(ledger.count(), 1U);
}

TEST_F(SettlerTest, AnOrderSaysWhetherUsersOwnTransactionsMayHaveAcknowledgedSome) {
  const auto plain = hold(1), asked = hold(1);
  asked->has_acks.store(true);
  settler.push(all(plain));
  settler.push(all(asked));
  const auto ex = collect();
  ASSERT_EQ(ex.settles.size(), 2U);
  EXPECT_FALSE(ex.settles[0].has_acks);
  EXPECT_TRUE(ex.settles[1].has_acks);
}

// Parked, it would come back before what is running now of its key.
TEST_F(SettlerTest, OfAClaimOfKeysWhatGoesBackStaysInItUntilTheRestIsDecided) {
  std::uint32_t given_back = 0;
  settler.on_given_back = [&](const HeldPtr&) { ++given_back; };
  const auto held = hold_keyed({{"k", "0"}, {"x", "1"}});
  settler.push(back({{held, 0, 1}}));
  auto ex = collect();
  EXPECT_FALSE(ex.settles[0].gives_back);
  EXPECT_TRUE(ex.settles[0].backs.empty());
  report(ex);
  settler.push(some(held, {{1, Verdict::kAck}}));
  ex = collect();
  EXPECT_TRUE(ex.settles[0].gives_back);
  EXPECT_FALSE(ex.settles[0].is_whole);
  EXPECT_EQ(given_back, 0u);
  report(ex);
  EXPECT_EQ(given_back, 1u);
  EXPECT_EQ(ledger.count(), 0u);
}

TEST_F(SettlerTest, WhatIsParkedOfAClaimOfKeysHasItsPlaceAndIsTold) {
  std::vector<std::uint32_t> told;
  settler.on_parked = [&](const HeldPtr&, std::uint32_t ordinal) { told.push_back(ordinal); };
  settler.on_given_back = [&](const HeldPtr&) { EXPECT_EQ(told.size(), 2u) << "those first"; };
  const auto held = hold_keyed({{"k", "0"}, {"k", "1"}, {"k", "2"}});
  settler.push(some(held, {{0, Verdict::kRetry}, {1, Verdict::kBehind}}));
  settler.push(back({{held, 2, 3}}));
  const auto ex = collect();
  ASSERT_EQ(ex.settles[0].backs.size(), 2u);
  EXPECT_EQ(ex.settles[0].backs[0].message.place, (KeyPlace{7, 0}));
  EXPECT_EQ(ex.settles[0].backs[1].message.place, (KeyPlace{7, 1}));
  EXPECT_EQ(ex.settles[0].backs[1].kind, SettleOrder::Return::kBehind);
  EXPECT_EQ(ex.settles[0].backs[1].message.counts.deliveries, 0u) << "it was not run";
  EXPECT_TRUE(ex.settles[0].keys.empty()) << "they had not come back before";
  report(ex);
  EXPECT_EQ(told, (std::vector<std::uint32_t>{0, 1}));
}

// What is parked must not come back before the one in hand is decided, and that is told then.
TEST_F(SettlerTest, WhatIsShedSaysForWhichItWaitsAndThatIsNamedWhenDecided) {
  settler.on_parked = [](const HeldPtr&, std::uint32_t) {};
  const auto held = hold_keyed({{"k", "0"}, {"k", "1"}, {"x", "2"}, {"k", "3"}});
  const auto next = hold_keyed({{"k", "4"}});
  settler.push(some(held, {{0, Verdict::kAck}}));
  settler.shed({{{{held, 0, 2}}, {{held, 3, 4}, {next, 0, 1}}}});
  EXPECT_EQ(settler.next_time(clock.steady()), clock.steady());
  auto ex = collect();
  ASSERT_EQ(ex.settles.size(), 2u);
  EXPECT_EQ(ex.settles[0].acked, 1u);
  EXPECT_TRUE(ex.settles[0].keys.empty()) << "it was decided before they are parked";
  for (const auto& order : ex.settles) {
    ASSERT_EQ(order.backs.size(), 1u);
    EXPECT_EQ(order.backs[0].kind, SettleOrder::Return::kBehind);
    EXPECT_EQ(order.backs[0].waits_for, (KeyPlace{7, 1}));
  }
  EXPECT_TRUE(ex.settles[1].is_whole);
  report(ex);
  settler.push(some(held, {{1, Verdict::kAck}, {2, Verdict::kAck}}));
  ex = collect();
  EXPECT_EQ(ex.settles[0].keys, (std::vector{hash_of("k")}));
  report(ex);
}

TEST_F(SettlerTest, WhatCameBackIsNotWaitedForTwice) {
  settler.on_parked = [](const HeldPtr&, std::uint32_t) {};
  const auto held =
      test::held_of(test::returned_claim_of({{"k", "0"}}, 7), traffic, clock.steady());
  ledger.add(held);
  const auto next = hold_keyed({{"k", "1"}});
  settler.shed({{{{held, 0, 1}}, {{next, 0, 1}}}});
  const auto ex = collect();
  ASSERT_EQ(ex.settles.size(), 1u);
  EXPECT_EQ(ex.settles[0].backs.at(0).waits_for, KeyPlace{});
  report(ex);
}

TEST_F(SettlerTest, WhatCameBackIsNamedByItsKeyWhenItIsDecided) {
  settler.on_parked = [](const HeldPtr&, std::uint32_t) {};
  const auto held =
      test::held_of(test::returned_claim_of({{"k", "0"}, {"x", "1"}}, 7), traffic, clock.steady());
  ledger.add(held);
  settler.push(some(held, {{0, Verdict::kRetry}, {1, Verdict::kAck}}));
  const auto ex = collect();
  EXPECT_EQ(ex.settles[0].keys, (std::vector{hash_of("k"), hash_of("x")}));
  report(ex);
}

TEST_F(SettlerTest, WhatJoinsIsRequiredAndIsTakenBackWithAllElse) {
  const auto held = hold(3);
  const auto told = receipt();
  Settled plain = some(held, {{1, Verdict::kRetry}});
  plain.receipt = told;
  settler.push(std::move(plain));
  EXPECT_FALSE(settler.join(some(held, {{0, Verdict::kAck}})).has_value());
  Exchange ex = collect();
  ASSERT_EQ(ex.settles.size(), 1U);
  EXPECT_TRUE(ex.settles[0].is_required);
  EXPECT_EQ(ex.settles[0].backs.size(), 1U);
  settler.withdraw(ex);
  EXPECT_TRUE(ex.settles.empty());
  EXPECT_EQ(held->done_count, 0U);
  EXPECT_EQ(settler.next_time(clock.steady()), clock.steady());
  ex = collect();  // without what joined
  ASSERT_EQ(ex.settles.size(), 1U);
  EXPECT_FALSE(ex.settles[0].is_required);
  EXPECT_EQ(held->done_count, 1U);
  report(ex);
  EXPECT_EQ(told->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(settler.pending(), 0U);
}

TEST_F(SettlerTest, WhatIsLostOrDecidedCannotJoin) {
  const auto held = hold(2);
  std::vector<std::uint32_t> joined;
  settler.on_joined = [&](const Settled& settled) {
    for (const auto& named : settled.named) joined.push_back(named.ordinal);
  };
  EXPECT_FALSE(settler.join(some(held, {{0, Verdict::kAck}})).has_value());
  Exchange ex = collect();
  report(ex);
  EXPECT_EQ(joined, std::vector<std::uint32_t>{0});
  EXPECT_EQ(settler.join(some(held, {{0, Verdict::kAck}}))->code(), ErrorCode::kLeaseLost);
  EXPECT_FALSE(settler.join(some(held, {{1, Verdict::kAck}})).has_value());
  ex = collect();
  settler.lose(ex, 0);
  settler.withdraw(ex);
  EXPECT_EQ(settler.join(some(held, {{1, Verdict::kAck}}))->code(), ErrorCode::kLeaseLost);
  EXPECT_TRUE(collect().empty());
}

}  // namespace
}  // namespace msgq
