#include "transport/sqlite/connection.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/outcome.h"
#include "support/temp_dir.h"

namespace msgq::transport::sqlite {
namespace {

using std::chrono::milliseconds;
using test::code_of;
using test::TempDir;

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionSpec spec(milliseconds busy = milliseconds(30)) {
    return {dir_.file("x.db"), "", Durability::kSync, busy, false};
  }
  TempDir dir_;
};

TEST_F(ConnectionTest, APathThatCannotBeOpenedIsRefused) {
  ConnectionSpec bad = spec();
  bad.path = dir_.file("none/x.db");
  EXPECT_EQ(code_of([&] { Connection connection(bad, system_clock()); }),
            ErrorCode::kStoreRejected);
}

TEST_F(ConnectionTest, SyncIsFullUnlessTheOsIsTrusted) {
  Connection sync(spec(), system_clock());
  EXPECT_EQ(sync.ask("pragma synchronous"), 2);
  ConnectionSpec weaker = spec();
  weaker.durability = Durability::kOs;
  Connection os(weaker, system_clock());
  EXPECT_EQ(os.ask("pragma synchronous"), 1);
}

TEST_F(ConnectionTest, WaitsForAnotherWriterUpToItsTime) {
  Connection one(spec(), system_clock()), two(spec(), system_clock());
  one.run("pragma journal_mode = wal");
  one.begin();
  const Nanos before = system_clock().steady();
  EXPECT_EQ(code_of([&] { two.begin(); }), ErrorCode::kStoreUnavailable);
  EXPECT_GE(system_clock().steady() - before, milliseconds(30));
}

TEST_F(ConnectionTest, GoesOnWhenTheOtherWriterIsDone) {
  Connection one(spec(), system_clock());
  one.run("pragma journal_mode = wal");
  one.begin();
  std::thread other([this] {
    Connection two(spec(milliseconds(20'000)), system_clock());
    two.begin();
    EXPECT_TRUE(two.is_in_transaction());
    two.commit();
  });
  one.commit();
  other.join();
}

TEST_F(ConnectionTest, ACheckpointEmptiesTheLog) {
  Connection connection(spec(), system_clock());
  connection.run("pragma journal_mode = wal; create table t (a)");
  EXPECT_GT(connection.log_pages(), 0);
  EXPECT_TRUE(connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE));
  EXPECT_EQ(connection.log_pages(), 0);
}

TEST_F(ConnectionTest, RollbackIsSafeWithoutATransaction) {
  Connection connection(spec(), system_clock());
  connection.rollback();
  connection.begin();
  connection.rollback();
  EXPECT_FALSE(connection.is_in_transaction());
}

}  // namespace
}  // namespace msgq::transport::sqlite
