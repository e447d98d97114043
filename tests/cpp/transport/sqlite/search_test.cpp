#include "transport/sqlite/search.h"

#include "conformance/harness.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class SearchTest : public RawStoreTest {
 protected:
  MessageId append(std::uint32_t count) {
    const auto block = block_of(numbered(count));
    transport::sqlite::append(store, {kQueue, block});
    return block->first_id();
  }
  const transport::sqlite::Queue& queue() { return *store.directory.find(kQueue); }
};

TEST_F(SearchTest, FindingReadsNoOtherBlocksFrames) {
  std::vector<MessageId> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(append(4));
  store.connection.run(
      "update block set frames = zeroblob(9) where id <> (select max(id) - 10 from block)");
  store.blocks.forget();
  EXPECT_EQ(transport::sqlite::find(store, queue(), ids[39].plus(2)).value().message.body, "2");
  EXPECT_FALSE(transport::sqlite::find(store, queue(), ids[7]).has_value());
}

TEST_F(SearchTest, PeekStepsOverADamagedBlock) {
  append(2);
  append(2);
  store.connection.run(
      "update block set frames = zeroblob(9) where id = (select min(id) from block)");
  store.blocks.forget();
  EXPECT_EQ(transport::sqlite::peek(store, queue(), "", 10).size(), 2u);
}

TEST_F(SearchTest, DepthReadsTotalsNotBlocks) {
  append(5);
  store.totals.save();
  const auto depth = transport::sqlite::depth_of(store, queue());
  EXPECT_EQ(depth.sent, 5u);
  EXPECT_EQ(depth.waiting, 5u);
  EXPECT_EQ(depth.oldest_ms, FakeClock::kWallStartMs);
}

}  // namespace
}  // namespace msgq::test
