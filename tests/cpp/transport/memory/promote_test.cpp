#include "transport/memory/promote.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

StoredMessage message(const std::string& body) {
  return StoredMessage::copy(test::block_of({body})->view(0));
}

TEST(MemoryPromote, MakesBlocksWithinTheirBounds) {
  StateUnderTest t;
  for (int i = 0; i < 10; ++i) park(t.state, t.queue, i, message(std::string(99, 'x')), t.now);
  EXPECT_EQ(promote(t.state, 100, {4, 1'000'000}, t.now), 10u);
  ASSERT_EQ(t.band.returned.waiting.size(), 3u);
  EXPECT_EQ(t.band.returned.waiting[0].block->count(), 4u);
  EXPECT_EQ(t.band.returned.waiting[2].block->count(), 2u);
  for (int i = 0; i < 6; ++i) park(t.state, t.queue, i, message(std::string(99, 'x')), t.now);
  EXPECT_EQ(promote(t.state, 100, {100, 250}, t.now), 6u);
  EXPECT_EQ(t.band.returned.waiting.size(), 6u) << "two of them go into 250 bytes";
}

TEST(MemoryPromote, AMessageOverTheBoundIsABlockOfItsOwn) {
  StateUnderTest t;
  park(t.state, t.queue, 0, message(std::string(5'000, 'x')), t.now);
  EXPECT_EQ(promote(t.state, 100, {100, 250}, t.now), 1u);
  EXPECT_EQ(t.queue.totals.waiting, 1u);
}

TEST(MemoryPromote, LeavesWhatIsNotDue) {
  StateUnderTest t;
  park(t.state, t.queue, t.now.wall_ms + 1, message("later"), t.now);
  park(t.state, t.queue, t.now.wall_ms, message("now"), t.now);
  EXPECT_EQ(promote(t.state, 100, {}, t.now), 1u);
  EXPECT_EQ(t.band.returned.waiting.at(0).block->body(0), "now");
  EXPECT_EQ(t.queue.parked.size(), 1u);
  EXPECT_EQ(t.state.count, 2u);
}

}  // namespace
}  // namespace msgq::transport::memory
