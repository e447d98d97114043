#include "transport/memory/administer.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

StoredMessage message(const std::string& body) {
  return StoredMessage::copy(test::block_of({body})->view(0));
}

TEST(MemoryAdminister, RedrivesOldestFirst) {
  StateUnderTest t;
  const StoredMessage one = message("1"), two = message("2"), three = message("3");
  for (const auto& each : {two, one, three}) bury(t.state, t.queue, {each, "no", 0});
  EXPECT_EQ(redrive(t.state, t.queue, {three.id, two.id}, {}, t.now), 2u);
  const Block& block = *t.band.returned.waiting.at(0).block;
  EXPECT_EQ(block.body(0), "2");
  EXPECT_EQ(block.body(1), "3");
  EXPECT_EQ(t.queue.totals.dead, 1u);
  EXPECT_EQ(t.state.count, 3u);
}

TEST(MemoryAdminister, TheSameIdBuriedTwiceIsTakenTwice) {
  StateUnderTest t;
  const StoredMessage one = message("1");
  bury(t.state, t.queue, {one, "no", 0});
  bury(t.state, t.queue, {one, "no", 0});
  EXPECT_EQ(delete_dead(t.state, t.queue, {one.id}), 2u);
  EXPECT_TRUE(t.queue.dead_ids.empty());
  EXPECT_EQ(t.state.bytes, 0u);
}

TEST(MemoryAdminister, PurgeClosesClaimsBeforeItTakesTheirBodies) {
  StateUnderTest t;
  t.append(4);
  const auto claimed = t.claim(2).claims.at(0);
  EXPECT_EQ(purge(t.state, t.queue), 4u);
  EXPECT_TRUE(t.state.open.empty());
  EXPECT_EQ(t.state.processes[t.caller.process].open_count, 0u);
  EXPECT_EQ(test::bodies_of(claimed), test::numbered(2)) << "who holds a body keeps it";
  EXPECT_EQ(t.state.count, 0u);
  EXPECT_EQ(t.state.bytes, 0u);
}

TEST(MemoryAdminister, ADeletedQueueLeavesNothingBehind) {
  StateUnderTest t;
  t.append(2);
  park(t.state, t.queue, 0, message("parked"), t.now);
  bury(t.state, t.queue, {message("dead"), "no", 0});
  delete_queue(t.state, t.queue);
  EXPECT_TRUE(t.state.queues.empty());
  EXPECT_TRUE(t.state.parked.empty());
  EXPECT_EQ(t.state.count, 0u);
  EXPECT_EQ(t.state.bytes, 0u);
}

}  // namespace
}  // namespace msgq::transport::memory
