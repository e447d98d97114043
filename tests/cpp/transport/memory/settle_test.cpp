#include "transport/memory/settle.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

TEST(MemorySettle, WhatIsOverGoesToTheGraveyard) {
  StateUnderTest t;
  t.append(5);
  const auto claimed = t.claim(5).claims.at(0);
  EXPECT_TRUE(settle(t.state, test::ack_all(claimed), t.now, t.graveyard));
  ASSERT_EQ(t.graveyard.size(), 1u);
  EXPECT_EQ(t.graveyard[0].count, 5u);
  EXPECT_TRUE(t.state.open.empty());
  EXPECT_EQ(t.state.bytes, 0u);
  EXPECT_EQ(t.state.count, 0u);
}

TEST(MemorySettle, AMessageDecidedTwiceIsABug) {
  StateUnderTest t;
  t.append(3);
  const auto claimed = t.claim(3).claims.at(0);
  SettleOrder order = test::ack_some(claimed, {0});
  order.acked = 2;
  MSGQ_EXPECT_BUG(settle(t.state, order, t.now, t.graveyard), "decides each message once");
}

TEST(MemorySettle, TellsBeforehandWhatItWouldFree) {
  StateUnderTest t;
  t.append(4);
  const auto claimed = t.claim(4).claims.at(0);
  const Freed part = would_free(t.state, test::ack_some(claimed, {0, 1}));
  EXPECT_EQ(part.count, 2u);
  EXPECT_EQ(part.bytes, 0u) << "the block stays as long as its claim";
  const Freed all = would_free(t.state, test::ack_all(claimed));
  EXPECT_EQ(all.count, 4u);
  EXPECT_EQ(all.bytes, t.state.bytes);
  SettleOrder stale = test::ack_all(claimed);
  ++stale.claim.owner;
  EXPECT_EQ(would_free(t.state, stale).count, 0u);
}

TEST(MemoryReclaim, ForgetsADeadProcessOnceItsClaimsAreTaken) {
  StateUnderTest t;
  t.append(2);
  t.claim(2);
  t.state.processes[t.caller.process].is_alive = false;
  EXPECT_EQ(reclaim(t.state, {}, t.now, t.graveyard), 1u);
  EXPECT_TRUE(t.state.processes.empty());
  EXPECT_EQ(t.band.main.suspects.size(), 2u);
  EXPECT_EQ(reclaim(t.state, {}, t.now, t.graveyard), 0u);
}

TEST(MemoryReclaim, TheOldestClaimIsTheFirstToComeBack) {
  StateUnderTest t;
  for (int i = 0; i < 20; ++i) {
    t.append(1);
    t.claim(1);
  }
  t.now.boot_ms += 30'000;
  EXPECT_EQ(reclaim(t.state, {}, t.now, t.graveyard), 20u);
  std::uint64_t before = 0;
  for (const Range& range : t.band.main.lapsed) {
    EXPECT_LT(before, range.parts.at(0).seq);
    before = range.parts[0].seq;
  }
}

TEST(MemoryReclaim, LeavingGivesBackOnlyOnesOwn) {
  StateUnderTest t;
  t.append(2);
  t.claim(1);
  Caller other = t.caller;
  other.owner = t.state.draw();
  std::vector<ClaimAnswer> out;
  claim_all(t.state, other, {{test::kQueue, 1, 0, 30'000, false, false}}, t.now, out);
  give_back_all(t.state, other.owner);
  EXPECT_EQ(t.state.open.size(), 1u);
  EXPECT_EQ(t.band.main.lapsed.size(), 1u);
  EXPECT_EQ(t.band.main.lapsed.front().attempt, 0u);
}

}  // namespace
}  // namespace msgq::transport::memory
