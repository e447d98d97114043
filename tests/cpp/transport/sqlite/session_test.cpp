// Promise (E7): a session says no, clearly, when its file, its owner or itself is gone, and leaves
// nothing half done; what is in doubt is found out from the store.
#include "transport/sqlite/session.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "conformance/harness.h"
#include "transport/sqlite/crash_store.h"
#include "transport/sqlite/sqlite_store_under_test.h"

namespace msgq::test {
namespace {

class SessionTest : public ::testing::Test {
 protected:
  void append() {
    Exchange in;
    in.appends.push_back({kQueue, block_of(numbered(3))});
    ExchangeResult out;
    session_->exchange(in, out);
  }
  // Lets the period pass after which the path is looked at again.
  void pass_time() { store_.clock.advance(std::chrono::seconds(1)); }

  SqliteStoreUnderTest store_{Config()};
  std::unique_ptr<transport::Transport> process_ = store_.join();
  std::unique_ptr<transport::Session> session_ = process_->open_session();
};

TEST_F(SessionTest, AClosedSessionRefuses) {
  session_->close();
  EXPECT_EQ(code_of([this] { append(); }), ErrorCode::kClosed);
}

TEST_F(SessionTest, ADeletedFileIsNoticed) {
  append();
  std::filesystem::remove(store_.path());
  pass_time();
  EXPECT_EQ(code_of([this] { append(); }), ErrorCode::kStoreRejected);
}

TEST_F(SessionTest, AReplacedFileIsNotWrittenTo) {
  append();
  std::filesystem::rename(store_.path(), store_.path() + ".away");
  std::ofstream(store_.path()) << "precious";
  pass_time();
  EXPECT_EQ(code_of([this] { append(); }), ErrorCode::kStoreRejected);
  EXPECT_EQ(std::filesystem::file_size(store_.path()), 8u);
}

TEST_F(SessionTest, AnEmptiedFileIsNoticed) {
  append();
  std::filesystem::resize_file(store_.path(), 0);
  pass_time();
  EXPECT_EQ(code_of([this] { append(); }), ErrorCode::kStoreRejected);
}

TEST_F(SessionTest, AClosedOwnerIsRefusedAndWritesNothing) {
  append();
  store_.run("update hot set is_closed = 1 where kind = 1");
  EXPECT_EQ(code_of([this] { append(); }), ErrorCode::kStoreRejected);
  EXPECT_EQ(process_->look().depth().at(0).sent, 3u);
}

TEST_F(SessionTest, ClosingGivesClaimsBackUncounted) {
  append();
  ExchangeResult out;
  Exchange in;
  in.claims.push_back({kQueue, 3, 0, 30'000, false});
  session_->exchange(in, out);
  session_->close();
  auto other = store_.join();
  auto session = other->open_session();
  session->exchange(in, out);
  ASSERT_EQ(out.claims.at(0).claims.size(), 1u);
  EXPECT_EQ(out.claims[0].claims[0].attempt, 1u);
  EXPECT_FALSE(out.claims[0].claims[0].is_suspect);
}

TEST_F(SessionTest, AnExchangeThatFailsHalfWayDidNothing) {
  append();
  store_.run("create trigger t before insert on parked begin select raise(abort, 'no'); end");
  Exchange in;
  in.appends.push_back({"new", block_of(numbered(3))});
  in.parks.push_back({"new", 5, StoredMessage::copy(block_of({"x"})->view(0))});
  ExchangeResult out;
  EXPECT_EQ(code_of([&] { session_->exchange(in, out); }), ErrorCode::kInternal);
  EXPECT_EQ(process_->look().queues(), (std::vector<std::string>{kQueue}));
  in.parks.clear();
  session_->exchange(in, out);
  EXPECT_EQ(process_->look().queues().size(), 2u) << "what was remembered of it was forgotten";
}

TEST_F(SessionTest, ResolveWithoutADoubtIsAMistake) {
  ExchangeResult out;
  EXPECT_EQ(code_of([&] { session_->resolve(out); }), ErrorCode::kInternal);
}

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
    exchange.settles.resize(2);  // of claims that there never were
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
  run("update hot set request = request + 1, answers = x'02' where kind = 1");
  ExchangeResult out;
  EXPECT_TRUE(session_->resolve(out));
  EXPECT_EQ(out.settle_lost, (std::vector<bool>{false, true})) << "what it was told then";
}

}  // namespace
}  // namespace msgq::test
