#include "transport/sqlite/bounds.h"

#include "conformance/harness.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class SqliteBoundsTest : public RawStoreTest {
 protected:
  transport::sqlite::Queue& queue() { return store.directory.make(kQueue, store.counter); }
  void bound(std::uint64_t length_max, Overflow overflow) {
    QueueSettings settings;
    settings.length_max = length_max;
    settings.overflow = overflow;
    store.directory.change(queue(), settings, store.counter);
  }
  void bring(std::uint32_t count) {
    Exchange in;
    in.appends.push_back({kQueue, block_of(numbered(count))});
    transport::sqlite::make_room(store, in, {});
    transport::sqlite::append(store, in.appends[0]);
  }
};

TEST_F(SqliteBoundsTest, WhatTheTransactionHasChangedCounts) {
  bound(3, Overflow::kRaise);
  bring(2);
  EXPECT_THROW(bring(2), transport::QueueFull);
  store.totals.change(queue().subscription).done += 1;
  EXPECT_NO_THROW(bring(2));
}

TEST_F(SqliteBoundsTest, BlocksThatWereDroppedAreGone) {
  bound(4, Overflow::kDropOldest);
  for (int i = 0; i < 4; ++i) bring(1);
  bring(3);
  commit();
  EXPECT_EQ(store.connection.ask("select count(*) from block"), 2);
  EXPECT_EQ(store.connection.ask("select purged from hot where kind = 2"), 3);
  EXPECT_EQ(store.connection.ask("select count(*) from claim"), 1);
}

}  // namespace
}  // namespace msgq::test
