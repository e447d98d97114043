#include "transport/memory/dedup.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

class MemoryDedup : public ::testing::Test {
 protected:
  std::vector<Duplicate> ask(const std::string& id, Once::Until until, std::int64_t window_ms = 0) {
    message_ = draw_ids(1, 1);
    return remember(t.state, {{0, &t.queue.name, {id, until, window_ms}, {message_, 7}}}, t.now);
  }
  MessageId message_;  // of the last ask()
  StateUnderTest t;
};

TEST_F(MemoryDedup, WhatIsOverIsForgottenAsOthersCome) {
  for (int i = 0; i < 100; ++i) ask(std::to_string(i), Once::Until::kWindow, 1'000 + i);
  EXPECT_EQ(t.queue.dedup.by_id.size(), 100u);
  t.now.wall_ms += 1'050;
  EXPECT_TRUE(ask("another", Once::Until::kWindow, 1'000).empty());
  EXPECT_EQ(t.queue.dedup.by_id.size(), 50u) << "49 are left, and the new one";
  EXPECT_EQ(t.queue.dedup.by_end.size(), 50u);
  EXPECT_TRUE(t.queue.dedup.by_message.empty());
}

TEST_F(MemoryDedup, AMessageFreesItsOwnIdAlone) {
  ask("a", Once::Until::kDone);
  const MessageId first = message_;
  EXPECT_EQ(ask("a", Once::Until::kDone).size(), 1u);
  release(t.state, t.queue, {message_});  // of the duplicate, which is nowhere
  EXPECT_EQ(ask("a", Once::Until::kDone).size(), 1u);
  release(t.state, t.queue, {first});
  EXPECT_TRUE(ask("a", Once::Until::kDone).empty());
  release(t.state, t.queue, {first});
  EXPECT_EQ(ask("a", Once::Until::kDone).size(), 1u);
}

TEST_F(MemoryDedup, AllThatWaitForTheirEndAreFreedTogether) {
  ask("a", Once::Until::kDone);
  ask("b", Once::Until::kStarted);
  ask("c", Once::Until::kWindow, 1'000);
  release_all(t.state, t.queue);
  EXPECT_EQ(t.queue.dedup.by_id.size(), 1u);
  EXPECT_EQ(ask("c", Once::Until::kWindow, 1'000).size(), 1u);
}

TEST_F(MemoryDedup, WhatIsRememberedWeighsSomething) {
  ask("a", Once::Until::kDone);
  const std::uint64_t one = t.state.bytes;
  EXPECT_GT(one, 100u);
  const MessageId first = message_;
  ask("b", Once::Until::kWindow, 1'000);
  ask("c", Once::Until::kWindow, 2'000);
  release(t.state, t.queue, {first});
  EXPECT_EQ(t.state.bytes, 2 * one);
  t.now.wall_ms += 1'000;
  forget_old(t.state, t.now);
  EXPECT_EQ(t.state.bytes, one);
  forget_all(t.state, t.queue);
  EXPECT_EQ(t.state.bytes, 0u);
}

}  // namespace
}  // namespace msgq::transport::memory
