#include "transport/sqlite/administer.h"

#include "conformance/harness.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class AdministerTest : public RawStoreTest {
 protected:
  transport::sqlite::Queue& queue() { return store.directory.make(kQueue, store.counter); }
  void bury(std::uint32_t count) {
    const auto block = block_of(numbered(count));
    for (std::uint32_t i = 0; i < count; ++i)
      store.dead.add({store.counter.draw(), StoredMessage::copy(block->view(i)), queue().id,
                      queue().subscription, "no", 1});
  }
};

TEST_F(AdministerTest, DeadLettersGoInSteps) {
  bury(2'300);
  const std::int64_t newest = store.counter.last();
  bury(5);  // died after the first step
  EXPECT_EQ(transport::sqlite::redrive_some(store, queue(), {}, newest), 1'000u);
  EXPECT_EQ(transport::sqlite::delete_dead_some(store, queue(), {}, newest), 1'000u);
  EXPECT_EQ(transport::sqlite::delete_dead_some(store, queue(), {}, newest), 300u);
  EXPECT_EQ(transport::sqlite::delete_dead_some(store, queue(), {}, newest), 0u);
  EXPECT_EQ(transport::sqlite::delete_dead_some(store, queue(), {}, newest + 5), 5u);
}

TEST_F(AdministerTest, PurgedBlocksGoInStepsAndNewOnesStay) {
  for (int i = 0; i < 150; ++i) transport::sqlite::append(store, {kQueue, block_of({"x"})});
  store.totals.save();
  EXPECT_EQ(transport::sqlite::purge(store, queue()), 150u);
  transport::sqlite::append(store, {kQueue, block_of({"new"})});
  int steps = 1;
  while (transport::sqlite::sweep_some(store, queue())) ++steps;
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(store.connection.ask("select count(*) from block"), 1);
}

TEST_F(AdministerTest, ARemovedQueueLeavesNoRow) {
  transport::sqlite::append(store, {kQueue, block_of(numbered(3))});
  bury(2);
  store.totals.save();
  transport::sqlite::remove_queue(store, queue());
  commit();
  for (const char* table : {"queue", "subscription", "lane", "block", "claim", "parked", "dead"})
    EXPECT_EQ(store.connection.ask(("select count(*) from " + std::string(table)).c_str()), 0)
        << table;
  EXPECT_EQ(store.connection.ask("select count(*) from hot where kind = 2"), 0);
}

}  // namespace
}  // namespace msgq::test
