#include "dispatch/row.h"

#include <gtest/gtest.h>

#include <map>

#include "support/road.h"

namespace msgq {
namespace {

using Told = std::map<std::uint32_t, Verdict>;

class RowSettleTest : public ::testing::Test {
 protected:
  Told settle(std::vector<std::pair<std::uint32_t, Verdict>> said) {
    std::vector<Decision> decisions;
    for (const auto& [index, verdict] : said) decisions.push_back({index, verdict, 0, {}, {}});
    Told out;
    for (const Decision& each : with_followers(lot, std::move(decisions)))
      EXPECT_TRUE(out.emplace(each.index, each.verdict).second) << each.index;
    return out;
  }
  Traffic traffic{"q"};
  HeldPtr held = test::held_of(
      test::keyed_claim_of({{"a", "0"}, {"a", "1"}, {"a", "2"}, {"b", "3"}, {"b", "4"}}, 7),
      traffic, Nanos(0));
  SpanLot lot{"q", 0, {{held, 0, 5}}, Nanos(0)};
};

TEST_F(RowSettleTest, WhereNothingIsTriedAgainNothingIsAdded) {
  EXPECT_EQ(settle({}), Told{});
  EXPECT_EQ(settle({{1, Verdict::kReject}}), (Told{{1, Verdict::kReject}}));
}

TEST_F(RowSettleTest, WhatFollowsARetryGoesBehindItWhateverIsSaid) {
  EXPECT_EQ(
      settle({{0, Verdict::kRetry}, {1, Verdict::kAck}, {3, Verdict::kAck}}),
      (Told{
          {0, Verdict::kRetry}, {1, Verdict::kBehind}, {2, Verdict::kBehind}, {3, Verdict::kAck}}));
  EXPECT_TRUE(lot.is_held_up(1));
}

TEST_F(RowSettleTest, ASnoozeIsAsARetryAndHoldsUpItsOwnKeyAlone) {
  EXPECT_EQ(settle({{3, Verdict::kSnooze}}), (Told{{3, Verdict::kSnooze}, {4, Verdict::kBehind}}));
}

TEST_F(RowSettleTest, WhatFollowsOneThatNobodyCanDecideIsLeftWithIt) {
  EXPECT_EQ(settle({{1, Verdict::kLeave}}), (Told{{1, Verdict::kLeave}, {2, Verdict::kLeave}}));
}

TEST_F(RowSettleTest, OfALostClaimNothingThatFollowsIsAcknowledged) {
  held->is_lost = true;
  EXPECT_EQ(settle({{2, Verdict::kReject}}),
            (Told{{1, Verdict::kLeave}, {2, Verdict::kLeave}, {4, Verdict::kLeave}}));
}

}  // namespace
}  // namespace msgq
