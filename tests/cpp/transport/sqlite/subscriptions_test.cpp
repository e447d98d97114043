#include "transport/sqlite/subscriptions.h"

#include "conformance/harness.h"
#include "transport/sqlite/administer.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class SqliteSubscriptionsTest : public RawStoreTest {
 protected:
  transport::sqlite::Queue& queue() { return store.directory.make(kQueue, store.counter); }
  std::int64_t blocks() { return store.connection.ask("select count(*) from block"); }
  void bring() { transport::sqlite::append(store, {kQueue, block_of({"x"})}); }
};

TEST_F(SqliteSubscriptionsTest, ABlockIsStoredOnceHoweverManyReadIt) {
  for (const std::string& name : numbered(10))
    EXPECT_TRUE(transport::sqlite::subscribe(store, kQueue, name, {}));
  bring();
  commit();
  EXPECT_EQ(blocks(), 2) << "one of the queue, one of the log";
}

TEST_F(SqliteSubscriptionsTest, ALogThatNobodyReadsIsNotWritten) {
  transport::sqlite::subscribe(store, kQueue, "audit", {});
  transport::sqlite::remove_queue(store, *store.directory.find("orders@audit"));
  bring();
  commit();
  EXPECT_EQ(blocks(), 1);
}

TEST_F(SqliteSubscriptionsTest, TheDirectoryIsReadAsItWasMade) {
  transport::sqlite::subscribe(store, kQueue, "audit", {});
  bring();
  commit();
  store.directory.forget();
  store.directory.refresh(store.counter.directory());
  const auto* audit = store.directory.find("orders@audit");
  ASSERT_NE(audit, nullptr);
  const auto* log = store.directory.of_id(audit->source);
  EXPECT_EQ(log->source_name(), kQueue);
  EXPECT_EQ(log->readers, std::vector<std::int64_t>{audit->id});
  EXPECT_EQ(audit->lanes(), log->lanes());
  EXPECT_TRUE(store.directory.is_shared(log->lanes().at(0)));
}

}  // namespace
}  // namespace msgq::test
