#include "transport/memory/keys.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

constexpr KeyPlace kInHand{7, 0};
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
  // Behind the one at index 0.
  void park_behind(const std::string& body, std::uint32_t index) {
    SettleOrder::Back back;
    back.kind = SettleOrder::Return::kBehind;
    back.due_ms = now_ms;
    back.waits_for = kInHand;
    back.message = StoredMessage::copy(test::block_of({body})->view(0));
    back.message.key = kKey;
    back.message.place = {7, index};
    memory::park_behind(t.state, t.queue, back, t.now);
  }
  std::string told(const KeyPlace& place, const std::string& key = kKey) {
    Claimed claimed;
    tell_away(t.queue, key, place, 0, claimed);
    return claimed.away.has(0) ? "away" : claimed.ahead.has(0) ? "ahead" : "";
  }
  std::vector<std::string> chunk() {
    std::vector<std::string> out;
    const Due due = t.state.parked.begin()->first;
    for (const auto& each : take_chunk(t.state, due, t.now)) out.push_back(each.message.body);
    return out;
  }
  StateUnderTest t;
  const std::int64_t now_ms = t.now.wall_ms;
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
  for (std::uint32_t i = 0; i <= kKeyChunkMax; ++i) park(std::to_string(i), i, now_ms);
  EXPECT_EQ(chunk().size(), kKeyChunkMax);
  EXPECT_EQ(chunk(), Bodies{});
  note_decided(t.state, t.queue, std::vector(kKeyChunkMax - 1, hash_of(kKey)), t.now);
  EXPECT_EQ(t.state.parked.begin()->first.due_ms, kHeldBack);
  note_decided(t.state, t.queue, {hash_of(kKey)}, t.now);
  EXPECT_EQ(chunk(), Bodies{std::to_string(kKeyChunkMax)}) << "woken";
  note_decided(t.state, t.queue, {hash_of(kKey), hash_of("unknown")}, t.now);
  EXPECT_TRUE(t.queue.away_keys.empty());
}

TEST_F(MemoryKeys, AMessageIsAwayBehindParkedOnesOfItsKey) {
  EXPECT_EQ(told({9, 0}), "");
  park("a", 5, now_ms);
  EXPECT_EQ(told({9, 0}), "away");
  EXPECT_EQ(told({9, 0}, "user-43"), "");
  EXPECT_EQ(told({7, 4}), "") << "it comes before that";
  chunk();
  EXPECT_EQ(told({9, 0}), "") << "what came back is claimed before it";
}

// Where nothing of it was parked before, nothing else would let it come back.
TEST_F(MemoryKeys, WhatGoesBehindOneInHandComesBackWhenThatIsDecided) {
  for (std::uint32_t i = 1; i < 4; ++i) park_behind(std::to_string(i), i);
  EXPECT_EQ(told(kInHand), "ahead");
  EXPECT_TRUE(is_awaited(t.queue, kKey, kInHand));
  EXPECT_EQ(told({7, 1}), "");
  EXPECT_EQ(chunk(), Bodies{});
  note_decided(t.state, t.queue, {hash_of(kKey)}, t.now);
  EXPECT_EQ(t.state.parked.begin()->first.due_ms, now_ms);
  EXPECT_EQ(chunk(), (Bodies{"1", "2", "3"}));
}

TEST_F(MemoryKeys, TheOneInHandIsWaitedForOnce) {
  park_behind("1", 1);
  unpark(t.state, t.state.parked.begin()->first);
  park_behind("2", 2);
  EXPECT_EQ(t.queue.away_keys.at(hash_of(kKey)).in_lane, 1u);
}

}  // namespace
}  // namespace msgq::transport::memory
