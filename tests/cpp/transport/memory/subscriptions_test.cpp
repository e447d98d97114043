#include "transport/memory/subscriptions.h"

#include "conformance/harness.h"
#include "transport/memory/state_under_test.h"

namespace msgq::test {
namespace {

using transport::memory::publish;
using transport::memory::StateUnderTest;
using transport::memory::subscribe;

TEST(MemorySubscriptions, BlocksAreSharedAndForgottenWhenAllHaveThem) {
  StateUnderTest t;
  subscribe(t.state, t.queue.name, "audit", {}, t.now);
  publish(t.state, t.queue, kPriorityNormal, block_of({"a"}), t.now);
  ASSERT_EQ(t.queue.readers.size(), 1u);
  auto& waiting = t.queue.readers[0]->bands.at(kPriorityNormal).main.waiting;
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting.front().block, t.queue.log.front().block);
  waiting.clear();
  publish(t.state, t.queue, kPriorityNormal, block_of({"b"}), t.now);
  EXPECT_EQ(t.queue.log.size(), 1u);
  EXPECT_TRUE(t.queue.has_forgotten);
}

TEST(MemorySubscriptions, WithoutReadersAndRetentionNothingIsKept) {
  StateUnderTest t;
  publish(t.state, t.queue, kPriorityNormal, block_of({"a"}), t.now);
  EXPECT_TRUE(t.queue.log.empty());
  t.queue.settings.retention_ms = 1'000;
  publish(t.state, t.queue, kPriorityNormal, block_of({"b"}), t.now);
  EXPECT_EQ(t.queue.log.size(), 1u);
}

}  // namespace
}  // namespace msgq::test
