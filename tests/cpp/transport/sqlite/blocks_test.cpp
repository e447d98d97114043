#include "transport/sqlite/blocks.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::sqlite::BlockCache;

class BlocksTest : public RawStoreTest {
 protected:
  void spoil(std::int64_t lane, std::int64_t seq) {
    store.connection.run("update block set frames = zeroblob(length(frames))");
    store.blocks.forget();
    EXPECT_EQ(store.blocks.read(lane, seq).block, nullptr);
  }
};

TEST_F(BlocksTest, AScanGoesThroughOneLaneInOrder) {
  for (const std::int64_t seq : {3, 1, 2}) {
    store.blocks.append(7, seq, block_of(numbered(static_cast<std::uint32_t>(seq))), {}, 0);
    store.blocks.append(8, seq + 10, block_of({"other"}), {}, 0);
  }
  auto scan = store.blocks.scan(7, 2);
  ASSERT_TRUE(scan.next());
  EXPECT_EQ(scan.seq(), 2);
  EXPECT_EQ(scan.read().block->count(), 2u);
  ASSERT_TRUE(scan.next());
  EXPECT_EQ(scan.count(), 3u);
  EXPECT_FALSE(scan.next());
}

TEST_F(BlocksTest, ABlockIsReadOnceAndShared) {
  store.blocks.append(1, 1, block_of({"a"}), {}, 0);
  store.blocks.forget();
  const auto first = store.blocks.read(1, 1).block;
  EXPECT_EQ(store.blocks.read(1, 1).block, first);
  EXPECT_EQ(first->body(0), "a");
}

TEST_F(BlocksTest, ADamagedBlockGoesIntoQuarantineAndKeepsItsCount) {
  store.blocks.append(1, 1, block_of(numbered(4)), {}, 0);
  spoil(1, 1);
  store.blocks.quarantine(1, 1, 9, 5);
  const auto row = store.blocks.read(1, 1);
  EXPECT_TRUE(row.is_known_damaged);
  EXPECT_EQ(row.n, 4u);
  EXPECT_EQ(store.connection.ask("select n from quarantine where queue = 9"), 4);
}

TEST_F(BlocksTest, ASweepTakesSoManyBelow) {
  for (std::int64_t seq = 1; seq <= 5; ++seq) store.blocks.append(1, seq, block_of({"a"}), {}, 0);
  EXPECT_TRUE(store.blocks.sweep(1, 5, 3));
  EXPECT_FALSE(store.blocks.sweep(1, 5, 3));
  EXPECT_EQ(store.connection.ask("select count(*) from block"), 1);
}

TEST(BlockCache, IsBoundedInBytesAndForgetsTheOldest) {
  BlockCache cache;
  const auto large = block_of({std::string(1 << 20, 'x')});
  for (std::int64_t id = 1; id <= 20; ++id) cache.put(id, 0, large);
  EXPECT_EQ(cache.find(1, 0), nullptr);
  EXPECT_EQ(cache.find(20, 0), large);
  EXPECT_EQ(cache.find(20, 1), nullptr) << "another block under the same number";
}

}  // namespace
}  // namespace msgq::test
