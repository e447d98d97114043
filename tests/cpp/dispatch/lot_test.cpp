// Of a message's decision and a user's transaction that is to acknowledge it, the one that comes
// first shuts the other out.
#include "dispatch/lot.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq {
namespace {

class LotTest : public ::testing::Test {
 protected:
  Traffic traffic{"q"};
  HeldPtr held =
      test::held_of(test::claimed_of({test::parcel_of(test::numbers(4))}), traffic, Nanos(0));
  SpanLot lot{"q", 0, {{held, 0, 4}}, Nanos(0)};
};

TEST_F(LotTest, AClaimKnowsWhetherATransactionMayAcknowledgeSomeOfIt) {
  EXPECT_FALSE(held->has_acks.load());
  EXPECT_TRUE(lot.begin_ack(2));
  EXPECT_TRUE(held->has_acks.load());
}

TEST_F(LotTest, WhatWasEndedCannotBegin) {
  EXPECT_TRUE(lot.begin_ack(1));
  EXPECT_TRUE(lot.begin_ack(1)) << "after a rollback";
  EXPECT_TRUE(lot.begin_ack(3));
  EXPECT_EQ(lot.end_acks(0, 3), std::vector<std::uint32_t>{1});
  EXPECT_FALSE(lot.begin_ack(0));
  EXPECT_FALSE(lot.begin_ack(1));
  EXPECT_TRUE(lot.begin_ack(3));
}

TEST_F(LotTest, WhatWasReopenedMayBegin) {
  lot.begin_ack(0);
  lot.end_acks(0, 1);
  lot.reopen_acks(0);
  EXPECT_TRUE(lot.begin_ack(0));
  EXPECT_EQ(lot.end_acks(0, 4), std::vector<std::uint32_t>{0});
}

}  // namespace
}  // namespace msgq
