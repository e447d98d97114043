// Promise: what a user sends in a transaction of their own is in the queue once it has committed,
// and never otherwise; nobody waits for such a transaction, however long it lasts.
#include "transport/postgres/outbox.h"

#include <gtest/gtest.h>

#include "conformance/harness.h"
#include "transport/postgres/postgres_store.h"

namespace msgq::test {
namespace {

// A user's own connection, with whatever transactions they like.
class User {
 public:
  explicit User(PostgresStoreUnderTest& store)
      : store_(store), connection_(PQconnectdb(store.config().dsn.c_str()), PQfinish) {
    run("set msgq.test_ms = '" + std::to_string(FakeClock::kWallStartMs) + "'");
  }
  // Empty, or the SQLSTATE of what went wrong.
  std::string run(const std::string& sql) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
        PQexec(connection_.get(),
               transport::postgres::with_schema(sql, store_.config().schema).c_str()),
        PQclear);
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return state != nullptr ? state : "";
  }

 private:
  PostgresStoreUnderTest& store_;
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

class PostgresOutboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MSGQ_TEST_NEEDS_POSTGRES();
    store_ = std::make_unique<PostgresStoreUnderTest>(Config());
    worker_ = std::make_unique<Process>(*store_, store_->join());
  }

  // What a worker gets that looks now.
  std::vector<std::string> taken(const std::string& queue = kQueue) {
    worker_->promote();
    std::vector<std::string> out;
    for (const auto& claimed : worker_->claim(100, queue).claims) {
      for (auto& body : bodies_of(claimed)) out.push_back(std::move(body));
      EXPECT_TRUE(worker_->settle(ack_all(claimed)));
    }
    return out;
  }

  std::unique_ptr<PostgresStoreUnderTest> store_;
  std::unique_ptr<Process> worker_;
};

using Bodies = std::vector<std::string>;

TEST_F(PostgresOutboxTest, ComesWithTheCommitAndOnlyThen) {
  User user(*store_);
  user.run("begin; select :schema.enqueue('orders', 'first'), :schema.enqueue('orders', 'second')");
  EXPECT_EQ(taken(), Bodies{});
  user.run("commit");
  EXPECT_EQ(taken(), (Bodies{"first", "second"}));
  EXPECT_EQ(taken(), Bodies{}) << "once";
}

TEST_F(PostgresOutboxTest, GoesWithTheRollback) {
  User user(*store_);
  user.run("begin; select :schema.enqueue('orders', 'kept'); savepoint s");
  user.run("select :schema.enqueue('orders', 'gone'); rollback to s; commit");
  user.run("begin; select :schema.enqueue('orders', 'gone too'); rollback");
  EXPECT_EQ(taken(), Bodies{"kept"});
}

TEST_F(PostgresOutboxTest, ALongTransactionHoldsNobodyUp) {
  User slow(*store_), quick(*store_);
  slow.run("begin; select :schema.enqueue('orders', 'slow')");
  quick.run("select :schema.enqueue('orders', 'quick')");
  EXPECT_EQ(taken(), Bodies{"quick"});
  worker_->append({"direct"});
  EXPECT_EQ(taken(), Bodies{"direct"});
  slow.run("commit");
  EXPECT_EQ(taken(), Bodies{"slow"}) << "though the mark has moved on";
}

TEST_F(PostgresOutboxTest, AnOldTransactionElsewhereHoldsNothingBack) {
  User old(*store_), user(*store_);
  old.run("begin isolation level repeatable read; select pg_current_xact_id()");
  user.run("select :schema.enqueue('orders', 'x')");
  EXPECT_EQ(taken(), Bodies{"x"});
}

TEST_F(PostgresOutboxTest, AFirstSendToANewQueueLocksNoName) {
  User user(*store_);
  user.run("begin; select :schema.enqueue('new', 'later')");
  worker_->append({"now"}, "new");
  EXPECT_EQ(taken("new"), Bodies{"now"});
  user.run("commit");
  EXPECT_EQ(taken("new"), Bodies{"later"});
}

TEST_F(PostgresOutboxTest, ADelayCountsFromTheSending) {
  User user(*store_);
  user.run("select :schema.enqueue('orders', 'x', delay => interval '10 s')");
  EXPECT_EQ(taken(), Bodies{});
  store_->clock.advance(std::chrono::milliseconds(9'999));
  EXPECT_EQ(taken(), Bodies{});
  store_->clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(taken(), Bodies{"x"});
}

TEST_F(PostgresOutboxTest, BodiesKeepTheirKindAndHeaders) {
  User user(*store_);
  user.run(R"(select :schema.enqueue('orders', '{"a": 1}'::jsonb, headers => '{"h": "v"}'),
                     :schema.enqueue('orders', 'text'::text),
                     :schema.enqueue('orders', '\x00ff'::bytea))");
  worker_->promote();
  const Claimed claimed = worker_->claim_one(10);
  ASSERT_EQ(claimed.count(), 3u);
  EXPECT_EQ(message_at(claimed, 0).content, Content::kJson);
  EXPECT_EQ(message_at(claimed, 0).headers, R"({"h": "v"})");
  EXPECT_EQ(message_at(claimed, 1).content, Content::kText);
  EXPECT_EQ(message_at(claimed, 2).content, Content::kBytes);
  EXPECT_EQ(message_at(claimed, 2).body, std::string_view("\x00\xff", 2));
}

TEST_F(PostgresOutboxTest, OfTwoThatDrainOneGetsEach) {
  Process other(*store_, store_->join());
  User user(*store_);
  for (int i = 0; i < 20; ++i) {
    user.run("select :schema.enqueue('orders', '" + std::to_string(i) + "')");
    other.promote();
    worker_->promote();
  }
  EXPECT_EQ(taken().size(), 20u);
  EXPECT_EQ(worker_->look().depth().at(0).sent, 20u);
}

TEST_F(PostgresOutboxTest, WrongUseIsRefusedAndLeavesNothing) {
  User user(*store_);
  constexpr char kInvalid[] = "22023", kUnsupported[] = "0A000";
  EXPECT_EQ(user.run("select :schema.enqueue('', 'x')"), kInvalid);
  EXPECT_EQ(user.run("select :schema.enqueue(' a', 'x')"), kInvalid);
  EXPECT_EQ(user.run("select :schema.enqueue('a/../b', 'x')"), kInvalid);
  EXPECT_EQ(user.run("select :schema.enqueue(E'a\\nb', 'x')"), kInvalid);
  EXPECT_EQ(user.run("select :schema.enqueue(repeat('a', 256), 'x')"), kInvalid);
  EXPECT_EQ(user.run("select :schema.enqueue('orders', 'x', headers => '[]')"), kInvalid);
  EXPECT_EQ(user.run("select :schema.enqueue('orders', 'x', key => 'k')"), kUnsupported);
  EXPECT_EQ(taken(), Bodies{});
}

}  // namespace
}  // namespace msgq::test
