#include "transport/memory/subscriptions.h"

#include "conformance/harness.h"
#include "transport/memory/state_under_test.h"

namespace msgq::test {
namespace {

using transport::memory::forget_log;
using transport::memory::publish;
using transport::memory::StateUnderTest;
using transport::memory::subscribe;
using transport::memory::trim_logs;

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

TEST(MemorySubscriptions, WhatTheRetentionKeepsWeighs) {
  StateUnderTest t;
  t.queue.settings.retention_ms = 1'000;
  publish(t.state, t.queue, kPriorityNormal, block_of({"abcd"}), t.now);
  EXPECT_EQ(t.state.bytes, block_of({"abcd"})->body_bytes(0, 1));
  t.now.wall_ms += 1'000;
  trim_logs(t.state, t.now);
  EXPECT_TRUE(t.queue.log.empty());
  EXPECT_EQ(t.state.bytes, 0u);
  publish(t.state, t.queue, kPriorityNormal, block_of({"abcd"}), t.now);
  t.queue.settings.retention_ms = 0;  // with neither retention nor readers nothing is kept
  trim_logs(t.state, t.now);
  EXPECT_EQ(t.state.bytes, 0u);
  t.queue.settings.retention_ms = 1'000;
  publish(t.state, t.queue, kPriorityNormal, block_of({"abcd"}), t.now);
  forget_log(t.state, t.queue);
  EXPECT_EQ(t.state.bytes, 0u);
}

}  // namespace
}  // namespace msgq::test
