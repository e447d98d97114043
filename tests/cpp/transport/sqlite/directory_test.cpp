#include "transport/sqlite/directory.h"

#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class DirectoryTest : public RawStoreTest {};

TEST_F(DirectoryTest, AQueueIsMadeOnceAndFoundByNameSubscriptionAndId) {
  auto& queue = store.directory.make("a", store.counter);
  EXPECT_EQ(&store.directory.make("a", store.counter), &queue);
  EXPECT_EQ(store.directory.find("a"), &queue);
  EXPECT_EQ(store.directory.of_subscription(queue.subscription), &queue);
  EXPECT_EQ(store.directory.of_id(queue.id), &queue);
  EXPECT_EQ(store.directory.find("b"), nullptr);
  EXPECT_TRUE(queue.lanes().empty()) << "made with the first message of their priority";
}

TEST_F(DirectoryTest, AnotherConnectionSeesTheChange) {
  auto& queue = store.directory.make("a", store.counter);
  const auto main = store.directory.make_main(queue, 5, store.counter);
  const auto returned = store.directory.make_returned(queue, 8, store.counter);
  commit();
  transport::sqlite::Store other{{base.config.path, base.disk.vfs()}, base.clock, base.log, {}};
  other.counter.load(0);
  other.directory.refresh(other.counter.directory());
  ASSERT_NE(other.directory.find("a"), nullptr);
  const auto& bands = other.directory.find("a")->bands;
  EXPECT_EQ(bands.at(5).main, main);
  EXPECT_EQ(bands.at(5).returned, 0);
  EXPECT_EQ(bands.at(8).main, 0);
  EXPECT_EQ(bands.at(8).returned, returned);
  EXPECT_TRUE(other.directory.find("a")->is_main(main));
  EXPECT_FALSE(other.directory.find("a")->is_main(returned));
}

TEST_F(DirectoryTest, LaneNumbersAreNeverUsedAgain) {
  auto& queue = store.directory.make("a", store.counter);
  const auto lane = store.directory.make_main(queue, 5, store.counter);
  EXPECT_EQ(store.directory.make_main(queue, 5, store.counter), lane);
  const auto subscription = queue.subscription;
  store.directory.remove(queue, store.counter);
  EXPECT_EQ(store.directory.find("a"), nullptr);
  auto& again = store.directory.make("a", store.counter);
  EXPECT_GT(store.directory.make_main(again, 5, store.counter), lane);
  EXPECT_GT(again.subscription, subscription);
}

}  // namespace
}  // namespace msgq::test
