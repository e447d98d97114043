#include "transport/sqlite/keys.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::kHeldBack;
using transport::sqlite::due_behind;
using transport::sqlite::note_decided;
using transport::sqlite::ParkKind;
using transport::sqlite::take_chunk;
using transport::sqlite::wake;

using Bodies = std::vector<std::string>;
constexpr char kKey[] = "user-42";
constexpr std::int64_t kLater = 60'000;

class AwayKeysTest : public RawStoreTest {
 protected:
  void park(const std::string& body, std::uint32_t index, std::int64_t due_ms) {
    StoredMessage message = StoredMessage::copy(block_of({body})->view(0));
    message.key = kKey;
    message.place = {7, index};
    store.parked.add({store.counter.draw(), std::move(message), queue.id, queue.subscription,
                      ParkKind::kRetry, due_ms, 1});
  }
  Bodies chunk() {
    const auto due = store.parked.read_due(store.now.wall_ms, 1);
    Bodies out;
    if (due.empty()) return {"nothing is due"};
    for (const auto& each : take_chunk(store, queue, due.front())) out.push_back(each.body);
    return out;
  }

  transport::sqlite::Queue& queue = store.directory.make(kQueue, store.counter);
  const std::uint64_t hash = hash_of(kKey);
  const std::int64_t now_ms = store.now.wall_ms;
};

TEST_F(AwayKeysTest, TheFirstTakesAlongWhatIsBehindItInOrder) {
  EXPECT_FALSE(store.away_keys.has_any(queue.id));
  park("b", 2, now_ms);
  park("c", 3, kHeldBack);
  park("a", 1, now_ms - 1);
  EXPECT_TRUE(store.away_keys.has_any(queue.id));
  EXPECT_EQ(store.away_keys.first(queue.id, hash).value().place, (KeyPlace{7, 1}));
  EXPECT_EQ(chunk(), (Bodies{"a", "b", "c"}));
  EXPECT_TRUE(store.away_keys.has_any(queue.id)) << "they are not decided";
  EXPECT_EQ(store.away_keys.in_lane(queue.id, hash), 3);
}

TEST_F(AwayKeysTest, WhatIsNotFirstIsHeldBack) {
  park("a", 1, now_ms + kLater);
  park("b", 2, now_ms);
  EXPECT_EQ(chunk(), Bodies{});
  EXPECT_EQ(chunk(), Bodies{"nothing is due"});
  store.now.wall_ms += kLater;
  EXPECT_EQ(chunk(), (Bodies{"a", "b"}));
}

TEST_F(AwayKeysTest, WhatIsDueLaterThanTheFirstStopsTheChunk) {
  park("a", 1, now_ms);
  park("b", 2, now_ms + kLater);
  park("c", 3, kHeldBack);
  EXPECT_EQ(chunk(), Bodies{"a"});
}

TEST_F(AwayKeysTest, TheNextComesWhenAllBeforeItIsDecided) {
  EXPECT_EQ(due_behind(store, queue, hash, {}), now_ms) << "nothing is before it";
  store.away_keys.add_in_lane(queue.id, hash, 2);
  EXPECT_EQ(due_behind(store, queue, hash, {}), kHeldBack);
  park("next", 3, kHeldBack);
  note_decided(store, queue, {hash});
  EXPECT_EQ(chunk(), Bodies{"nothing is due"});
  note_decided(store, queue, {hash});
  EXPECT_EQ(store.away_keys.in_lane(queue.id, hash), 0);
  EXPECT_EQ(chunk(), Bodies{"next"});
  note_decided(store, queue, {hash, hash_of("unknown")});
  EXPECT_EQ(store.away_keys.in_lane(queue.id, hash), 0);
}

// Where nothing of it was parked before, nothing else would let it come back.
TEST_F(AwayKeysTest, WhatGoesBehindOneInHandComesBackWhenThatIsDecided) {
  for (std::uint32_t i = 1; i < 4; ++i)
    park(std::to_string(i), i, due_behind(store, queue, hash, {7, 0}));
  EXPECT_EQ(store.away_keys.in_lane(queue.id, hash), 1) << "not one for each";
  EXPECT_EQ(store.away_keys.waits_for(queue.id, hash), (KeyPlace{7, 0}));
  EXPECT_EQ(chunk(), Bodies{"nothing is due"});
  note_decided(store, queue, {hash});
  EXPECT_EQ(chunk(), (Bodies{"1", "2", "3"}));
  EXPECT_EQ(store.away_keys.waits_for(queue.id, hash), KeyPlace{});
}

TEST_F(AwayKeysTest, TheOneInHandIsWaitedForOnce) {
  EXPECT_EQ(due_behind(store, queue, hash, {7, 0}), kHeldBack);
  EXPECT_EQ(due_behind(store, queue, hash, {7, 0}), kHeldBack);
  EXPECT_EQ(store.away_keys.in_lane(queue.id, hash), 1);
}

TEST_F(AwayKeysTest, OnlyWhatIsHeldBackIsWoken) {
  park("later", 1, now_ms + kLater);
  wake(store, queue, hash);
  EXPECT_EQ(store.away_keys.first(queue.id, hash).value().due_ms, now_ms + kLater);
  store.away_keys.remove_queue(queue.id);
  EXPECT_EQ(due_behind(store, queue, hash, {}), kHeldBack) << "later is still parked";
}

}  // namespace
}  // namespace msgq::test
