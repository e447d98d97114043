// Commits of users' own transactions are looked for only while some are awaited, ever less often,
// and what is seen is settled like any other acknowledgement.
#include "lease/ack_watch.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq {
namespace {

using transport::Exchange;
using transport::ExchangeResult;

class AckWatchTest : public ::testing::Test {
 protected:
  HeldPtr hold(std::uint32_t count) {
    auto held = test::held_of(test::claimed_of({test::parcel_of(test::numbers(count))}), traffic,
                              clock.steady(), false);
    ledger.add(held);
    return held;
  }
  // The claims that the next look asks for, after waiting for it; what the store then says.
  Exchange look() {
    Exchange out;
    watch.collect(out, clock.steady());
    if (out.ack_looks.empty()) {
      const Nanos next = watch.next_time(clock.steady());
      if (next == kNever) return out;
      clock.advance(next - clock.steady());
      watch.collect(out, clock.steady());
    }
    return out;
  }
  void say(const Exchange& ex, std::vector<std::vector<std::uint32_t>> acked) {
    ExchangeResult result;
    result.acked = std::move(acked);
    watch.report(ex, result, clock.steady());
  }
  Exchange settle() {
    Exchange out;
    settler.collect(out, clock.steady());
    ExchangeResult result;
    result.settle_lost.assign(out.settles.size(), false);
    settler.report(out, result, clock.steady());
    return out;
  }

  test::FakeClock clock;
  Config config;
  Traffic traffic{"q"};
  Ledger ledger{config, clock};
  Settler settler{clock, ledger};
  AckWatch watch{settler};
};

TEST_F(AckWatchTest, AsksNothingWhenNothingIsAwaited) {
  EXPECT_EQ(watch.next_time(clock.steady()), kNever);
  EXPECT_TRUE(look().ack_looks.empty());
}

TEST_F(AckWatchTest, WhatIsSeenIsSettledAndNoLongerAskedFor) {
  const auto held = hold(2);
  watch.await(held, 0);
  watch.await(held, 1);
  auto ex = look();
  ASSERT_EQ(ex.ack_looks, std::vector{held->claim.key});
  say(ex, {{1}});
  EXPECT_FALSE(settle().settles.at(0).is_whole);
  ex = look();
  ASSERT_EQ(ex.ack_looks.size(), 1U);
  say(ex, {{0, 1}});
  const auto settles = settle().settles;
  ASSERT_EQ(settles.size(), 1U);
  EXPECT_TRUE(settles[0].is_whole);
  EXPECT_EQ(settles[0].acked, 1U);
  EXPECT_EQ(traffic.snapshot().done, 2U);
  EXPECT_TRUE(look().ack_looks.empty());
  EXPECT_EQ(watch.next_time(clock.steady()), kNever);
}

TEST_F(AckWatchTest, LooksEverLessOftenUntilAnotherIsAwaited) {
  const auto held = hold(2);
  watch.await(held, 0);
  Nanos before{0};
  for (int i = 0; i < 12; ++i) {
    say(look(), {{}});
    const Nanos gap = watch.next_time(clock.steady()) - clock.steady();
    EXPECT_GE(gap, before);
    EXPECT_LE(gap, std::chrono::seconds(1));
    before = gap;
  }
  EXPECT_EQ(before, std::chrono::seconds(1));
  watch.await(held, 1);
  const Nanos asked = clock.steady();
  EXPECT_EQ(look().ack_looks.size(), 1U);
  EXPECT_LT(clock.steady() - asked, std::chrono::milliseconds(10));
}

TEST_F(AckWatchTest, ALostClaimIsForgotten) {
  const auto held = hold(1);
  watch.await(held, 0);
  say(look(), {{}});
  ledger.lose(held);
  EXPECT_TRUE(look().ack_looks.empty());
  EXPECT_EQ(watch.next_time(clock.steady()), kNever);
}

TEST_F(AckWatchTest, AStoreThatIsGivenUpIsAskedNothing) {
  watch.await(hold(1), 0);
  watch.give_up(Error(ErrorCode::kClosed, "gone"), false);
  EXPECT_TRUE(look().ack_looks.empty());
}

}  // namespace
}  // namespace msgq
