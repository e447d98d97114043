#include "lease/ledger.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::Exchange;
using transport::ExchangeResult;

class LedgerTest : public ::testing::Test {
 protected:
  HeldPtr hold(bool renews = true, std::int64_t lease_ms = 30'000) {
    auto claimed = test::claimed_of({test::parcel_of({"a"})});
    claimed.until_ms = clock.boot_ms() + lease_ms;
    auto held = test::held_of(std::move(claimed), traffic, clock.steady(), renews);
    ledger.add(held);
    return held;
  }
  Exchange collect() {
    Exchange out;
    ledger.collect(out, clock.steady());
    return out;
  }
  void report(const Exchange& ex, bool is_lost = false) {
    ExchangeResult result;
    result.extend_lost.assign(ex.extends.size(), is_lost);
    ledger.report(ex, result, clock.steady());
  }
  static ReceiptPtr receipt() { return std::make_shared<Receipt>(MessageId{}, 1); }

  test::FakeClock clock;
  Config config;
  Traffic traffic{"q"};
  Ledger ledger{config, clock};
};

// T1: a lease of 1 s is renewed every third of it while its handler runs, and costs one extension.
TEST_F(LedgerTest, ALeaseIsRenewedWhenAThirdIsGone) {
  config.lease = seconds(1);
  const auto held = hold(true, 1'000);
  int renewals = 0;
  const Nanos end = clock.steady() + seconds(10);
  for (Nanos next = clock.steady(); clock.steady() < end;) {
    const auto ex = collect();
    EXPECT_LT(clock.boot_ms(), held->until_ms.load()) << "never lapsed";
    renewals += static_cast<int>(ex.extends.size());
    report(ex);
    next = ledger.next_time(clock.steady());
    ASSERT_GT(next, clock.steady()) << "not hot";
    clock.advance(next - clock.steady());
  }
  EXPECT_GE(renewals, 29);
  EXPECT_LE(renewals, 31);
}

TEST_F(LedgerTest, NothingIsRenewedBeforeItsTime) {
  hold();
  clock.advance(seconds(9));
  EXPECT_TRUE(collect().empty());
  clock.advance(seconds(1));
  EXPECT_EQ(collect().extends.size(), 1U);
}

TEST_F(LedgerTest, AnExplicitLeaseIsNotRenewedAndForgottenWhenLongOver) {
  const auto held = hold(false, 30'000);
  clock.advance(seconds(20));
  EXPECT_TRUE(collect().empty());
  clock.advance(seconds(41));
  EXPECT_TRUE(collect().empty());
  EXPECT_TRUE(held->is_lost.load());
  EXPECT_EQ(ledger.count(), 0U);
  EXPECT_EQ(ledger.next_time(clock.steady()), kNever);
}

TEST_F(LedgerTest, NoDeliveryIsRenewedBeyondLeaseMax) {
  config.lease_max = hours(1);
  const auto held = hold();
  int renewals = 0;
  for (int i = 0; i < 1'000 && ledger.count() > 0; ++i) {
    const auto ex = collect();
    if (clock.steady() - held->claimed_at > hours(1)) {
      EXPECT_TRUE(ex.empty());
    }
    renewals += static_cast<int>(ex.extends.size());
    report(ex);
    const Nanos next = ledger.next_time(clock.steady());
    if (next == kNever) break;
    ASSERT_GT(next, clock.steady()) << "not hot";
    clock.advance(next - clock.steady());
  }
  EXPECT_GT(renewals, 300);
  EXPECT_EQ(ledger.count(), 0U);
  EXPECT_TRUE(held->is_lost.load());
}

TEST_F(LedgerTest, ARenewalThatComesTooLateLosesTheLease) {
  const auto held = hold();
  clock.advance(seconds(10));
  const auto ex = collect();
  report(ex, true);
  EXPECT_TRUE(held->is_lost.load());
  EXPECT_EQ(ledger.count(), 0U);
  EXPECT_EQ(traffic.snapshot().lost, 1U);
}

TEST_F(LedgerTest, WhatWasSettledInTheSameExchangeIsNotLost) {
  const auto held = hold();
  clock.advance(seconds(10));
  const auto ex = collect();
  ledger.remove(held);  // the settler reports first
  report(ex, true);
  EXPECT_FALSE(held->is_lost.load());
  EXPECT_EQ(traffic.snapshot().lost, 0U);
}

TEST_F(LedgerTest, ExtendMovesTheEndAndAnswersForAllClaimsOfTheLot) {
  const auto a = hold(false), b = hold(false);
  const auto answer = receipt();
  ledger.extend({a, b}, clock.boot_ms() + 90'000, answer);
  EXPECT_EQ(ledger.pending(), 1U);
  const auto ex = collect();
  ASSERT_EQ(ex.extends.size(), 2U);
  report(ex);
  EXPECT_EQ(answer->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(b->until_ms.load(), clock.boot_ms() + 90'000);
  EXPECT_EQ(ledger.pending(), 0U);
}

TEST_F(LedgerTest, ExtendOfALostLeaseFailsAsLost) {
  const auto held = hold(false);
  const auto answer = receipt();
  ledger.extend({held}, clock.boot_ms() + 90'000, answer);
  report(collect(), true);
  EXPECT_EQ(answer->error()->code(), ErrorCode::kLeaseLost);
}

// A claim of two lanes could not be extended any more once one lane's share was settled.
TEST_F(LedgerTest, ExtendAsksNothingOfWhatIsSettled) {
  const auto settled = hold(false), open = hold(false);
  ledger.remove(settled);
  const auto some = receipt(), none = receipt(), gone = receipt();
  const auto extend = [&](const std::vector<HeldPtr>& claims, const ReceiptPtr& answer,
                          std::vector<bool> lost) {
    ledger.extend(claims, clock.boot_ms() + 90'000, answer);
    ExchangeResult result;
    result.extend_lost = std::move(lost);
    ledger.report(collect(), result, clock.steady());
  };
  extend({settled, open}, some, {true, false});
  EXPECT_EQ(some->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(open->until_ms.load(), clock.boot_ms() + 90'000);
  extend({settled}, none, {true});
  EXPECT_EQ(none->error()->code(), ErrorCode::kLeaseLost) << "nothing was left to extend";
  extend({settled, open}, gone, {true, true});
  EXPECT_EQ(gone->error()->code(), ErrorCode::kLeaseLost);
  EXPECT_FALSE(settled->is_lost.load());
}

// close() once left whoever extended waiting for ever.
TEST_F(LedgerTest, GivingUpAnswersWhoeverExtends) {
  const auto held = hold(false);
  const auto sent = receipt(), unsent = receipt(), late = receipt();
  ledger.extend({held}, 1, sent);
  collect();
  ledger.extend({held}, 1, unsent);
  ledger.close();
  ledger.give_up(Error(ErrorCode::kClosed, "closed"), true);
  ledger.extend({held}, 1, late);
  EXPECT_EQ(sent->status(), ReceiptStatus::kInDoubt);
  EXPECT_EQ(unsent->error()->code(), ErrorCode::kClosed);
  EXPECT_EQ(late->error()->code(), ErrorCode::kClosed);
  EXPECT_EQ(ledger.pending(), 0U);
  EXPECT_TRUE(held->is_lost.load());
}

TEST_F(LedgerTest, KnowsWhetherASuspectIsHeld) {
  EXPECT_FALSE(ledger.has_suspect());
  auto claimed = test::claimed_of({test::parcel_of({"a"})});
  claimed.is_suspect = true;
  const auto held = test::held_of(std::move(claimed), traffic, clock.steady());
  ledger.add(held);
  EXPECT_TRUE(ledger.has_suspect());
  ledger.remove(held);
  EXPECT_FALSE(ledger.has_suspect());
}

// Nobody renews it: whoever waits for its keys must hear of it when it ends, not a lease later.
TEST_F(LedgerTest, AnUnrenewedClaimOfKeysIsOverWhenItsLeaseIs) {
  std::uint32_t over = 0;
  ledger.on_over = [&](const HeldPtr&) { ++over; };
  auto claimed = test::keyed_claim_of({{"k", "a"}}, 1);
  claimed.until_ms = clock.boot_ms() + 1'000;
  const auto held = test::held_of(std::move(claimed), traffic, clock.steady(), false);
  ledger.add(held);
  EXPECT_EQ(ledger.next_time(clock.steady()), clock.steady() + seconds(1));
  clock.advance(milliseconds(999));
  collect();
  EXPECT_EQ(over, 0u);
  clock.advance(milliseconds(1));
  collect();
  EXPECT_EQ(over, 1u);
  EXPECT_EQ(ledger.count(), 1u) << "it may still be settled";
}

// What the store still holds open comes before what is behind it, however long its lease is over.
TEST_F(LedgerTest, AClaimOfKeysIsForgottenWhenTheStoreSaysSo) {
  ledger.on_over = [](const HeldPtr&) {};
  auto claimed = test::keyed_claim_of({{"k", "a"}}, 1);
  claimed.until_ms = clock.boot_ms() + 1'000;
  const std::int64_t until_ms = claimed.until_ms;
  const auto held = test::held_of(std::move(claimed), traffic, clock.steady(), false);
  ledger.add(held);
  for (const bool is_lost : {false, true}) {
    EXPECT_FALSE(held->is_lost.load());
    clock.advance(hours(1));
    const auto ex = collect();
    ASSERT_EQ(ex.extends.size(), 1u);
    EXPECT_EQ(ex.extends[0].until_ms, until_ms) << "it asks, and moves nothing";
    report(ex, is_lost);
  }
  ledger.add(held);
  clock.advance(hours(1));
  ledger.extend({held}, clock.boot_ms() + 9'000, receipt());
  const auto ex = collect();
  ASSERT_EQ(ex.extends.size(), 1u) << "nor does it move back what somebody extends";
  EXPECT_EQ(ex.extends[0].until_ms, clock.boot_ms() + 9'000);
  report(ex, true);
  EXPECT_TRUE(held->is_lost.load());
  EXPECT_EQ(ledger.count(), 0u);
}

TEST_F(LedgerTest, ALostClaimOfKeysIsTold) {
  std::vector<HeldPtr> over;
  ledger.on_over = [&](const HeldPtr& held) { over.push_back(held); };
  const auto plain = hold();
  const auto keyed = test::held_of(test::keyed_claim_of({{"k", "a"}}, 1), traffic, clock.steady());
  ledger.add(keyed);
  ledger.lose(plain);
  ledger.lose(keyed);
  EXPECT_EQ(over, std::vector{keyed});
  EXPECT_TRUE(keyed->is_lost.load());
}

}  // namespace
}  // namespace msgq
