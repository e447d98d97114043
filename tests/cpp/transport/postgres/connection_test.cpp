// Promise: a connection waits for nothing without an end, tells certainly from in doubt, and stays
// usable after what the server refuses.
#include "transport/postgres/connection.h"

#include "support/tcp_relay.h"
#include "transport/postgres/failure.h"
#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Connection;
using transport::postgres::ConnectionSpec;
using transport::postgres::Params;
using transport::postgres::Refusal;
using transport::postgres::with_schema;

class PostgresConnectionTest : public PostgresRoomTest {
 protected:
  void SetUp() override {
    PostgresRoomTest::SetUp();
    if (IsSkipped()) return;
    ask("create function :schema.half(p int) returns int language plpgsql as "
        "$$begin return 84 / p; end$$;"
        "create function :schema.level() returns text language sql as "
        "$$select current_setting('transaction_isolation')$$");
  }
  static int half(Connection& connection, int p) {
    Params params;
    params.small(p);
    return static_cast<int>(connection.call("half", params).integer(0, 0));
  }
};

TEST(WithSchemaTest, TheSchemaIsPutInEverywhere) {
  EXPECT_EQ(with_schema(":schema.a x :schema", "s"), "s.a x s");
  EXPECT_EQ(with_schema("nothing", "s"), "nothing");
}

TEST_F(PostgresConnectionTest, AServerThatNeverAnswersIsGivenUp) {
  TcpRelay relay("127.0.0.1", std::stoi(pg_url().substr(pg_url().find("port=") + 5)));
  relay.mute();
  ConnectionSpec silent = spec("postgresql://u@127.0.0.1:" + std::to_string(relay.port()) + "/db");
  silent.connect_timeout = std::chrono::milliseconds(50);
  EXPECT_EQ(code_of([&] { Connection connection(silent, store().log); }),
            ErrorCode::kStoreUnavailable);
}

TEST_F(PostgresConnectionTest, AServerThatFallsSilentIsInDoubtAndTheConnectionBroken) {
  const std::string url = pg_url();
  TcpRelay relay("127.0.0.1", std::stoi(url.substr(url.find("port=") + 5)));
  const std::size_t user_end = url.find('@');
  ConnectionSpec through =
      spec(url.substr(0, user_end) + "@127.0.0.1:" + std::to_string(relay.port()) +
           url.substr(url.find('/', user_end), url.find('?') - url.find('/', user_end)));
  through.silence_max = std::chrono::milliseconds(50);
  Connection connection(through, store().log);
  EXPECT_EQ(half(connection, 2), 42);
  relay.mute();
  EXPECT_EQ(code_of([&] { half(connection, 2); }), ErrorCode::kStoreInDoubt);
  EXPECT_TRUE(connection.is_broken());
  EXPECT_EQ(code_of([&] { half(connection, 2); }), ErrorCode::kStoreInDoubt) << "and stays so";
}

TEST_F(PostgresConnectionTest, AnEndedBackendIsInDoubt) {
  auto connection = connect();
  EXPECT_EQ(half(*connection, 2), 42);
  terminate(PQbackendPID(connection->raw()));
  EXPECT_EQ(code_of([&] { half(*connection, 2); }), ErrorCode::kStoreInDoubt);
  EXPECT_TRUE(connection->is_broken());
}

TEST_F(PostgresConnectionTest, AnErrorLeavesPreparedStatementsUsable) {
  auto connection = connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(code_of([&] { half(*connection, 0); }), ErrorCode::kStoreRejected);
    EXPECT_EQ(half(*connection, 2), 42);
  }
}

TEST_F(PostgresConnectionTest, AFunctionThatWasMissingIsPreparedWhenItIsThere) {
  auto connection = connect();
  EXPECT_EQ(code_of([&] { connection->call("not_yet"); }), ErrorCode::kSchemaMismatch);
  ask("create function :schema.not_yet() returns int language sql as 'select 1'");
  EXPECT_EQ(connection->call("not_yet").integer(0, 0), 1);
}

TEST_F(PostgresConnectionTest, AnErrorInTheMiddleOfAPipelineUndoesItAndNoOther) {
  auto connection = connect();
  ask("create table :schema.seen (p int);"
      "create function :schema.see(p int) returns int language sql as "
      "$$insert into :schema.seen values (p) returning p$$");
  const auto send = [&](int see, int divide) {
    Params seen, divided;
    seen.small(see);
    divided.small(divide);
    connection->begin();
    connection->send("see", seen);
    connection->send("half", divided);
    connection->commit();
  };
  const auto receive = [&] {
    connection->receive_begin();
    for (int i = 0; i < 2; ++i) connection->receive();
    connection->receive_commit();
  };
  send(1, 0);
  EXPECT_THROW(receive(), Refusal);
  connection->skip_to_sync();
  connection->rollback();
  connection->skip_to_sync();  // at its end already: changes nothing
  send(3, 2);
  receive();
  EXPECT_EQ(ask("select string_agg(p::text, ' ') from :schema.seen"), "3");
}

TEST_F(PostgresConnectionTest, CallsAreReadCommittedWhateverTheDefault) {
  auto connection =
      std::make_unique<Connection>(spec(pg_url() + "&options=-c%20default_transaction_isolation%3D"
                                                   "serializable"),
                                   store().log);
  EXPECT_EQ(connection->call("level").bytes(0, 0), "read committed");
}

TEST_F(PostgresConnectionTest, AServerThatTakesNoWritesIsLeft) {
  auto connection = connect();
  ask("create function :schema.write() returns void language sql as "
      "$$create table :schema.written ()$$");
  connection->call("directory_version");
  ConnectionSpec read_only = spec(pg_url() + "&options=-c%20default_transaction_read_only%3Don");
  Connection refused(read_only, store().log);
  EXPECT_EQ(refused.call("directory_version").size(), 1) << "reading goes";
  EXPECT_EQ(code_of([&] { refused.call("write"); }), ErrorCode::kStoreUnavailable);
  EXPECT_TRUE(refused.is_broken());
  EXPECT_FALSE(refused.is_fit());
}

TEST_F(PostgresConnectionTest, TheServerNoticesAClientThatVanishes) {
  ask("create function :schema.limit_of(p text) returns text language sql as "
      "$$select current_setting(p)$$");
  const auto limit = [&](Connection& connection, const std::string& name) {
    Params params;
    params.text(name);
    return std::string(connection.call("limit_of", params).bytes(0, 0));
  };
  const std::string idle = "idle_in_transaction_session_timeout";
  EXPECT_EQ(limit(*connect(), idle), "20s");
  Connection shorter(spec(pg_url() + "&options=-c%20" + idle + "%3D100"), store().log);
  EXPECT_EQ(limit(shorter, idle), "100ms") << "what the role has and is shorter stays";
  ConnectionSpec pooled = spec();
  pooled.pooler = Pooler::kOn;
  Connection untouched(pooled, store().log);
  EXPECT_EQ(limit(untouched, idle), "0");
  const std::string url = pg_url();
  Connection tcp(spec("postgresql://msgq@127.0.0.1:" + url.substr(url.find("port=") + 5) + "/msgq"),
                 store().log);
  EXPECT_EQ(limit(tcp, "tcp_keepalives_idle"), "10");
  EXPECT_EQ(limit(tcp, "tcp_user_timeout"), "20000");
}

TEST_F(PostgresConnectionTest, AfterTheCurfewNobodyWaits) {
  auto connection = connect();
  ask("create function :schema.slow() returns void language sql as $$select pg_sleep(100)$$");
  ConnectionSpec closing = spec();
  Connection slow(closing, store().log);
  closing.shared->curfew.set(system_clock().steady() + std::chrono::milliseconds(20));
  EXPECT_EQ(code_of([&] { slow.call("slow"); }), ErrorCode::kStoreInDoubt);
}

TEST_F(PostgresConnectionTest, AWrongUrlIsNotTriedAgain) {
  EXPECT_EQ(code_of([&] { Connection c(spec("postgresql://u@h:99999/db"), store().log); }),
            ErrorCode::kConfigInvalid);
  EXPECT_EQ(code_of([&] { Connection c(spec(pg_url() + "&dbname=nowhere"), store().log); }),
            ErrorCode::kConfigInvalid);
  EXPECT_EQ(code_of([&] { Connection c(spec("postgresql://u@127.0.0.1:1/db"), store().log); }),
            ErrorCode::kStoreUnavailable);
}

class PostgresPooledConnectionTest : public PostgresConnectionTest {
 protected:
  void SetUp() override {
    MSGQ_TEST_NEEDS_POOLER();
    PostgresConnectionTest::SetUp();
  }
  ConnectionSpec pooled(Pooler pooler = Pooler::kAuto) {
    ConnectionSpec out = spec(pooled_url());
    out.pooler = pooler;
    return out;
  }
  // Statements of a pool that nobody else uses: the number of a user is that of a pool.
  static std::string prepared(Connection& connection) {
    connection.send_statement("count", "select count(*)::int from pg_prepared_statements");
    connection.sync();
    const auto rows = connection.receive();
    connection.receive_sync();
    return std::to_string(rows.integer(0, 0));
  }
};

TEST_F(PostgresConnectionTest, ADirectConnectionIsFoundToBeOne) {
  Connection connection(spec(), store().log);
  EXPECT_FALSE(connection.is_pooled());
}

TEST_F(PostgresPooledConnectionTest, APoolerIsFoundByTheBackendItHides) {
  Connection connection(pooled(), store().log);
  EXPECT_TRUE(connection.is_pooled());
  EXPECT_EQ(half(connection, 2), 42);
}

TEST_F(PostgresPooledConnectionTest, WhatIsSaidIsNotDoubted) {
  auto direct = spec();
  direct.pooler = Pooler::kOn;
  Connection on(direct, store().log);
  EXPECT_TRUE(on.is_pooled());
  EXPECT_EQ(half(on, 2), 42);
  Connection off(pooled(Pooler::kOff), store().log);
  EXPECT_FALSE(off.is_pooled());
}

TEST_F(PostgresPooledConnectionTest, NothingIsPreparedUnderAName) {
  auto direct = spec();
  direct.pooler = Pooler::kOn;
  Connection without(direct, store().log);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(half(without, 2), 42);
  EXPECT_EQ(prepared(without), "0");
  direct.pooler = Pooler::kOff;
  Connection with(direct, store().log);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(half(with, 2), 42);
  EXPECT_NE(prepared(with), "0");
}

TEST_F(PostgresPooledConnectionTest, TransactionsOfManyConnectionsTakeTurnsInFewSessions) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 100; ++i)
    connections.push_back(std::make_unique<Connection>(pooled(), store().log));
  for (int round = 0; round < 3; ++round)
    for (auto& each : connections) {
      EXPECT_EQ(half(*each, 2), 42);
      EXPECT_EQ(each->call("level").bytes(0, 0), "read committed");
    }
}

TEST_F(PostgresPooledConnectionTest, ARefusalLeavesItUsable) {
  Connection connection(pooled(), store().log);
  EXPECT_EQ(code_of([&] { half(connection, 0); }), ErrorCode::kStoreRejected);
  EXPECT_EQ(half(connection, 2), 42);
}

TEST_F(PostgresPooledConnectionTest, PreparingBehindItIsRefusedAndTheSettingNamed) {
  Connection one(pooled(Pooler::kOff), store().log), two(pooled(Pooler::kOff), store().log);
  const Error error = error_of([&] {
    for (int i = 0; i < 2; ++i) {
      half(one, 2);
      half(two, 2);
    }
  });
  EXPECT_NE(std::string(error.what()).find("pgbouncer=on"), std::string::npos) << error.what();
}

}  // namespace
}  // namespace msgq::test
