#include "transport/memory/keys.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

constexpr char kKey[] = "user-42";
constexpr std::int64_t kLater = 60'000;

class MemoryKeys : public ::testing::Test {
 protected:
  void park(const std::string& body, std::uint32_t index, std::int64_t due_ms) {
    StoredMessage message = StoredMessage::copy(test::block_of({body})->view(0));
    message.key = kKey;
    message.place = {7, index};
    memory::park(t.state, t.queue, due_ms, std::move(message), t.now);
  }
  std::vector<std::string> chunk(std::uint32_t count_max = 100) {
    std::vector<std::string> out;
    const Due due = t.state.parked.begin()->first;
    for (const auto& each : take_chunk(t.state, due, count_max, t.now)) out.push_back(each.body);
    return out;
  }
  Lane main, returned;
  StateUnderTest t;
  const std::int64_t now_ms = t.now.wall_ms;
  MemoryKeys() { returned.is_returned = true; }
};

using Bodies = std::vector<std::string>;

TEST_F(MemoryKeys, TheFirstTakesAlongWhatIsBehindItInOrder) {
  park("b", 2, now_ms);
  park("c", 3, kHeldBack);
  park("a", 1, now_ms - 1);
  EXPECT_EQ(chunk(), (Bodies{"a", "b", "c"}));
  EXPECT_TRUE(t.state.parked.empty());
  EXPECT_EQ(t.state.bytes, 0u);
  EXPECT_EQ(t.queue.away_keys.at(hash_of(kKey)).in_lane, 3u);
}

TEST_F(MemoryKeys, WhatIsNotFirstIsHeldBack) {
  park("a", 1, now_ms + kLater);
  park("b", 2, now_ms);
  EXPECT_EQ(chunk(), Bodies{});
  EXPECT_EQ(t.state.parked.begin()->second.message.body, "a") << "b waits for it";
  t.now.wall_ms += kLater;
  EXPECT_EQ(chunk(), (Bodies{"a", "b"}));
}

TEST_F(MemoryKeys, WhatIsDueLaterThanTheFirstStopsTheChunk) {
  park("a", 1, now_ms);
  park("b", 2, now_ms + kLater);
  park("c", 3, kHeldBack);
  EXPECT_EQ(chunk(), Bodies{"a"});
}

TEST_F(MemoryKeys, TheNextChunkComesWhenAllBeforeItIsDecided) {
  for (std::uint32_t i = 0; i < 3; ++i) park(std::to_string(i), i, now_ms);
  EXPECT_EQ(chunk(2), (Bodies{"0", "1"}));
  EXPECT_EQ(chunk(), Bodies{});
  note_decided(t.state, t.queue, {hash_of(kKey)}, t.now);
  EXPECT_EQ(t.state.parked.begin()->first.due_ms, kHeldBack);
  note_decided(t.state, t.queue, {hash_of(kKey)}, t.now);
  EXPECT_EQ(chunk(), Bodies{"2"}) << "woken";
  note_decided(t.state, t.queue, {hash_of(kKey), hash_of("unknown")}, t.now);
  EXPECT_TRUE(t.queue.away_keys.empty());
}

TEST_F(MemoryKeys, AMessageIsAwayBehindParkedOnesOfItsKey) {
  EXPECT_FALSE(is_away(t.queue, main, kKey, {9, 0}));
  park("a", 5, now_ms);
  EXPECT_TRUE(is_away(t.queue, main, kKey, {9, 0}));
  EXPECT_FALSE(is_away(t.queue, main, "user-43", {9, 0}));
  EXPECT_TRUE(is_away(t.queue, returned, kKey, {7, 6}));
  EXPECT_FALSE(is_away(t.queue, returned, kKey, {7, 4})) << "it comes before that";
  chunk();
  EXPECT_FALSE(is_away(t.queue, main, kKey, {9, 0})) << "what came back is claimed before it";
}

}  // namespace
}  // namespace msgq::transport::memory
