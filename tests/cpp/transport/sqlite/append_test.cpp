#include "transport/sqlite/append.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class AppendTest : public RawStoreTest {
 protected:
  transport::sqlite::Queue& queue() { return store.directory.make(kQueue, store.counter); }
  std::vector<StoredMessage> messages(std::uint32_t count) {
    const auto block = block_of(numbered(count));
    std::vector<StoredMessage> out;
    for (std::uint32_t i = 0; i < count; ++i) out.push_back(StoredMessage::copy(block->view(i)));
    return out;
  }
};

TEST_F(AppendTest, ReturnedMessagesKeepIdCountsAndFirstTime) {
  auto sent = messages(5);
  sent[2].counts = {4, 3, 2};
  sent[2].history = "[1]";
  transport::sqlite::return_all(store, queue(), sent);
  auto scan = store.blocks.scan(queue().bands.at(5).returned, 0);
  ASSERT_TRUE(scan.next());
  const auto block = scan.read().block;
  for (std::uint32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(block->view(i).id, sent[i].id);
    EXPECT_EQ(block->view(i).body, sent[i].body);
    EXPECT_EQ(block->view(i).enqueued_ms, sent[i].enqueued_ms);
  }
  EXPECT_EQ(block->view(2).counts.deliveries, 4u);
  EXPECT_EQ(block->view(2).history, "[1]");
}

TEST_F(AppendTest, ReturnedMessagesFillBlocksWithinBounds) {
  transport::sqlite::return_all(store, queue(), messages(2'500));
  std::vector<std::uint32_t> counts;
  auto scan = store.blocks.scan(queue().bands.at(5).returned, 0);
  while (scan.next()) counts.push_back(scan.count());
  EXPECT_EQ(counts, (std::vector<std::uint32_t>{1'000, 1'000, 500}));
}

TEST_F(AppendTest, TheTimeOfABlockNeverFallsInItsLane) {
  transport::sqlite::append(store, {kQueue, block_of({"a"})});
  store.now.wall_ms -= 3'600'000;
  transport::sqlite::append(store, {kQueue, block_of({"b"})});
  EXPECT_EQ(store.connection.ask("select count(distinct at_ms) from block"), 1);
}

}  // namespace
}  // namespace msgq::test
