#include "transport/memory/bounds.h"

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

class MemoryBoundsTest : public ::testing::Test {
 protected:
  static Exchange bringing(std::uint32_t count) {
    Exchange in;
    in.appends.push_back({test::kQueue, test::block_of(test::numbered(count))});
    return in;
  }
  void bound(std::uint64_t length_max, Overflow overflow) {
    t.queue.settings.length_max = length_max;
    t.queue.settings.overflow = overflow;
  }

  StateUnderTest t;
};

TEST_F(MemoryBoundsTest, WhatIsSettledWithItMakesRoom) {
  bound(3, Overflow::kRaise);
  t.append(3);
  const Claimed claimed = t.claim(2).claims.at(0);
  Exchange in = bringing(2);
  EXPECT_THROW(check_lengths(t.state, in, in, {}), QueueFull);
  in.settles.push_back(test::ack_some(claimed, {0, 1}));
  EXPECT_NO_THROW(check_lengths(t.state, in, in, {}));
  in.settles[0].claim.owner += 1;
  EXPECT_THROW(check_lengths(t.state, in, in, {}), QueueFull) << "it will be lost";
}

TEST_F(MemoryBoundsTest, BytesAndCountsGoWithWhatIsDropped) {
  bound(3, Overflow::kDropOldest);
  t.append(2);
  t.append(1);
  const Exchange in = bringing(3);
  check_lengths(t.state, in, in, {});
  drop_oldest(t.state, in);
  EXPECT_EQ(t.state.count, 0u);
  EXPECT_EQ(t.state.bytes, 0u);
  EXPECT_FALSE(t.band.has_work());
  EXPECT_EQ(t.queue.totals.purged, 3u);
  t.queue.totals.sent = 3;  // as the store counts them
}

TEST_F(MemoryBoundsTest, AQueueWithoutABoundLosesNothing) {
  t.append(5);
  drop_oldest(t.state, bringing(5));
  EXPECT_EQ(t.queue.totals.waiting, 5u);
}

}  // namespace
}  // namespace msgq::transport::memory
