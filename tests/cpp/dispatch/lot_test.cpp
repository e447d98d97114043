// Of a key that one slot runs in a row, nothing is run behind what is to be tried again, or was
// lost. Of a message's decision and a user's transaction that is to acknowledge it, the one that
// comes first shuts the other out.
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

class RowTest : public ::testing::Test {
 protected:
  std::vector<std::uint32_t> held_up() {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = 0; i < lot.size(); ++i)
      if (lot.is_held_up(i)) out.push_back(i);
    return out;
  }
  Traffic traffic{"q"};
  HeldPtr keyed = test::held_of(
      test::keyed_claim_of({{"a", "0"}, {"a", "1"}, {"b", "2"}, {"a", "3"}, {"b", "4"}}, 7),
      traffic, Nanos(0));
  HeldPtr plain =
      test::held_of(test::claimed_of({test::parcel_of(test::numbers(2))}), traffic, Nanos(0));
  // a a a, b b, and two without a key
  SpanLot lot{"q",
              0,
              {{keyed, 0, 2}, {keyed, 3, 4}, {keyed, 2, 3}, {keyed, 4, 5}, {plain, 0, 2}},
              Nanos(0)};
};

TEST_F(RowTest, WhatFollowsInItsKeyIsKnown) {
  EXPECT_TRUE(lot.has_followers());
  for (std::uint32_t i = 0; i < lot.size(); ++i)
    EXPECT_EQ(lot.follows(i), i == 1 || i == 2 || i == 4) << i;
  EXPECT_FALSE((SpanLot{"q", 0, {{plain, 0, 2}}, Nanos(0)}.has_followers()));
}

TEST_F(RowTest, WhatIsTriedAgainHoldsUpWhatFollowsIt) {
  lot.hold_up(5);
  EXPECT_EQ(held_up(), std::vector<std::uint32_t>{});
  lot.hold_up(1);
  EXPECT_EQ(held_up(), std::vector<std::uint32_t>{2});
  lot.hold_up(3);
  EXPECT_EQ(held_up(), (std::vector<std::uint32_t>{2, 4}));
}

// Somebody else may have them by now.
TEST_F(RowTest, WithALostClaimNothingMoreIsRunInARow) {
  keyed->is_lost = true;
  EXPECT_EQ(held_up(), (std::vector<std::uint32_t>{1, 2, 4}));
}

}  // namespace
}  // namespace msgq
