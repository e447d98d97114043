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
  EXPECT_EQ(queue.returned, 0) << "made when a message returns";
}

TEST_F(DirectoryTest, AnotherConnectionSeesTheChange) {
  auto& queue = store.directory.make("a", store.counter);
  const auto returned = store.directory.make_returned(queue, store.counter);
  commit();
  transport::sqlite::Store other{{base.config.path, base.disk.vfs()}, base.clock, base.log, {}};
  other.counter.load(0);
  other.directory.refresh(other.counter.directory());
  ASSERT_NE(other.directory.find("a"), nullptr);
  EXPECT_EQ(other.directory.find("a")->main, queue.main);
  EXPECT_EQ(other.directory.find("a")->returned, returned);
}

TEST_F(DirectoryTest, LaneNumbersAreNeverUsedAgain) {
  auto& queue = store.directory.make("a", store.counter);
  const auto lane = queue.main, subscription = queue.subscription;
  store.directory.remove(queue, store.counter);
  EXPECT_EQ(store.directory.find("a"), nullptr);
  auto& again = store.directory.make("a", store.counter);
  EXPECT_GT(again.main, lane);
  EXPECT_GT(again.subscription, subscription);
}

}  // namespace
}  // namespace msgq::test
