#include "transport/sqlite/session.h"

#include <gtest/gtest.h>

#include "conformance/harness.h"
#include "transport/sqlite/crash_store.h"
#include "transport/sqlite/sqlite_store_under_test.h"

namespace msgq::test {
namespace {

// A connection that others closed, because they took its process for dead, writes nothing any more:
// what it still believes to hold may be in other hands.
TEST(SqliteSession, AConnectionThatOthersClosedWritesNothing) {
  SqliteStoreUnderTest store{Config{}};
  Process process(store, store.join());
  process.append({"before"});
  store.run("update hot set is_closed = 1 where kind = 1");

  Exchange exchange;
  exchange.appends.push_back({kQueue, block_of({"after"})});
  EXPECT_EQ(code_of([&] { process.exchange(exchange); }), ErrorCode::kStoreRejected);
  EXPECT_EQ(process.look().depth().at(0).sent, 1u);
}

// An exchange whose commit failed to sync: in doubt until the store is asked.
class InDoubt : public ::testing::Test {
 protected:
  InDoubt() : transport_(store_.join()), session_(transport_->open_session()) {
    Exchange exchange;
    exchange.appends.push_back({kQueue, block_of({"doubtful"})});
    store_.disk.fail_syncs(1);
    ExchangeResult out;
    EXPECT_EQ(code_of([&] { session_->exchange(exchange, out); }), ErrorCode::kStoreInDoubt);
  }

  // Runs SQL on the same disk, as the lost commit would have.
  void run(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open_v2(store_.config.path.c_str(), &database, SQLITE_OPEN_READWRITE,
                              store_.disk.vfs().c_str()),
              SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  CrashStore store_;
  std::unique_ptr<transport::Transport> transport_;
  std::unique_ptr<transport::Session> session_;
};

TEST_F(InDoubt, WhatTheStoreDoesNotHaveDidNotHappen) {
  ExchangeResult out;
  EXPECT_FALSE(session_->resolve(out));
}

// The request number in the store is the proof: denying it would send the messages a second time.
TEST_F(InDoubt, WhatTheStoreSaysWasFlushedIsNotDenied) {
  run("update hot set request = request + 1 where kind = 1");
  ExchangeResult out;
  EXPECT_TRUE(session_->resolve(out));
}

}  // namespace
}  // namespace msgq::test
