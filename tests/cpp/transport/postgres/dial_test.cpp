// Promise: of several hosts the first that takes writes is found, whatever the others do; the
// server learns who connects; and nobody waits beyond the curfew.
#include "transport/postgres/dial.h"

#include "support/tcp_relay.h"
#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;
using transport::postgres::application_name;
using transport::postgres::Connection;
using transport::postgres::ConnectionSpec;
using transport::postgres::dial;

TEST(ApplicationNameTest, ItTellsProcessAndRoleInSixtyThreeBytes) {
  EXPECT_EQ(application_name("shop", "look"), "msgq shop look");
  const std::string own = application_name("", "writer");
  EXPECT_TRUE(own.starts_with("msgq " + std::to_string(getpid()) + "@")) << own;
  EXPECT_TRUE(own.ends_with(" writer")) << own;
  const std::string cut = application_name(std::string(100, 'x'), "presence");
  EXPECT_EQ(cut.size(), 63u);
  EXPECT_TRUE(cut.ends_with("x presence")) << cut;
}

class PostgresDialTest : public PostgresRoomTest {
 protected:
  void SetUp() override {
    PostgresRoomTest::SetUp();
    if (IsSkipped()) return;
    port_ = pg_url().substr(pg_url().find("port=") + 5);
    mute_ = std::make_unique<TcpRelay>("127.0.0.1", std::stoi(port_));
    mute_->mute();
  }
  // One that refuses, one that says nothing, and the server.
  ConnectionSpec three(const std::string& query = "") {
    ConnectionSpec out =
        spec("postgresql://msgq@127.0.0.1:1,127.0.0.1:" + std::to_string(mute_->port()) +
             ",127.0.0.1:" + port_ + "/msgq" + query);
    out.connect_timeout = milliseconds(100);
    return out;
  }
  std::string port_;
  std::unique_ptr<TcpRelay> mute_;
};

TEST_F(PostgresDialTest, AHostThatSaysNothingHoldsUpNoOther) {
  const ConnectionSpec how = three();
  EXPECT_STREQ(PQport(dial(how).get()), port_.c_str());
  EXPECT_EQ(how.shared->host, 2u) << "the next one begins there";
}

TEST_F(PostgresDialTest, EachHostIsNamedWhenNoneServes) {
  const Error error =
      error_of([&] { dial(three("?options=-c%20default_transaction_read_only%3Don")); });
  EXPECT_EQ(error.code(), ErrorCode::kStoreUnavailable);
  const std::string text = error.what();
  for (const char* part : {"Connection refused", "no connection within 100 ms", "read-only"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST_F(PostgresDialTest, WhatTheUrlSaysOfTheSessionHolds) {
  EXPECT_NE(
      dial(three("?options=-c%20default_transaction_read_only%3Don&target_session_attrs=any")),
      nullptr);
  EXPECT_NE(dial(three("?target_session_attrs=prefer-standby")), nullptr) << "there is no standby";
  EXPECT_EQ(code_of([&] { dial(three("?target_session_attrs=standby")); }),
            ErrorCode::kStoreUnavailable);
}

TEST_F(PostgresDialTest, TheServerKnowsWhoConnects) {
  ConnectionSpec how = spec(pg_url() + "&application_name=shop");
  how.role = "look";
  const Connection connection(how, store().log);
  EXPECT_EQ(ask("select count(*) from pg_stat_activity where application_name = 'msgq shop look'"),
            "1");
}

TEST_F(PostgresDialTest, NobodyWaitsBeyondTheCurfew) {
  ConnectionSpec how =
      spec("postgresql://msgq@127.0.0.1:" + std::to_string(mute_->port()) + "/msgq");
  how.connect_timeout = std::chrono::hours(1);
  how.shared->curfew.set(system_clock().steady() + milliseconds(20));
  EXPECT_EQ(code_of([&] { dial(how); }), ErrorCode::kStoreUnavailable);
}

}  // namespace
}  // namespace msgq::test
