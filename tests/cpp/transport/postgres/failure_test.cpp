// Promise: every state that a server names is told as what to do next, and no text shows a
// password.
#include "transport/postgres/failure.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::is_outcome_unknown;
using transport::postgres::no_connection;
using transport::postgres::refusal;

TEST(FailureTest, EveryStateHasItsMeaning) {
  const std::vector<std::pair<const char*, ErrorCode>> table{
      {"MQ001", ErrorCode::kStoreUnavailable}, {"MQ002", ErrorCode::kStoreRejected},
      {"MQ003", ErrorCode::kStoreUnavailable}, {"08006", ErrorCode::kStoreUnavailable},
      {"08P01", ErrorCode::kStoreUnavailable}, {"40001", ErrorCode::kStoreUnavailable},
      {"40P01", ErrorCode::kStoreUnavailable}, {"53100", ErrorCode::kStoreFull},
      {"53200", ErrorCode::kStoreUnavailable}, {"53300", ErrorCode::kStoreUnavailable},
      {"55P03", ErrorCode::kStoreUnavailable}, {"57014", ErrorCode::kStoreUnavailable},
      {"57P01", ErrorCode::kStoreUnavailable}, {"57P03", ErrorCode::kStoreUnavailable},
      {"57P04", ErrorCode::kStoreRejected},    {"58030", ErrorCode::kStoreUnavailable},
      {"25006", ErrorCode::kStoreUnavailable}, {"28P01", ErrorCode::kConfigInvalid},
      {"28000", ErrorCode::kConfigInvalid},    {"3D000", ErrorCode::kConfigInvalid},
      {"3F000", ErrorCode::kSchemaMismatch},   {"42P01", ErrorCode::kSchemaMismatch},
      {"42883", ErrorCode::kSchemaMismatch},   {"42501", ErrorCode::kStoreRejected},
      {"23505", ErrorCode::kStoreRejected},    {"22P02", ErrorCode::kStoreRejected},
      {"XX001", ErrorCode::kStoreRejected},    {"", ErrorCode::kStoreRejected}};
  for (const auto& [state, code] : table) {
    const auto error = refusal(state, "m", "d");
    EXPECT_EQ(error.code(), code) << state;
    EXPECT_EQ(error.state(), state);
    EXPECT_NE(std::string(error.what()).find("m (d)"), std::string::npos) << error.what();
  }
}

TEST(FailureTest, StatesThatLeaveTheOutcomeOpen) {
  EXPECT_TRUE(is_outcome_unknown("40003"));
  EXPECT_TRUE(is_outcome_unknown("08007"));
  EXPECT_FALSE(is_outcome_unknown("40001"));
  EXPECT_FALSE(is_outcome_unknown("08006"));
}

TEST(FailureTest, OnlyWhatAnotherUrlMendsIsAWrongUrl) {
  for (const char* wrong :
       {"FATAL:  password authentication failed for user \"u\"",
        "FATAL:  database \"x\" does not exist", "FATAL:  no pg_hba.conf entry for host",
        "invalid port number: \"99999\"", "server does not support SSL, but SSL was required",
        "root certificate file missing"})
    EXPECT_EQ(no_connection(wrong).code(), ErrorCode::kConfigInvalid) << wrong;
  for (const char* passing :
       {"SSL SYSCALL error: EOF detected", "SSL connection has been closed unexpectedly",
        "FATAL:  canceling authentication due to timeout", "Connection refused",
        "FATAL:  the database system is starting up", "FATAL:  sorry, too many clients already",
        "expected authentication request from server, but received H",
        "received invalid response to SSL negotiation: H"})
    EXPECT_EQ(no_connection(passing).code(), ErrorCode::kStoreUnavailable) << passing;
}

TEST(FailureTest, TheTextIsOneLineInTheServersWords) {
  const auto error = refusal("42501", "ERROR:  permission denied for table x\n", "ask");
  EXPECT_EQ(std::string(error.what()).find("PostgreSQL: permission denied for table x (ask) "), 0U);
}

TEST(FailureTest, AConnectionThatWasRefusedIsJudgedByItsState) {
  const Error error = no_connection(
      "connection to server at \"a\", port 1 failed: Connection refused\n"
      "connection to server at \"b\", port 1 failed: FATAL:  28P01: no password\n"
      "LOCATION:  auth_failed, auth.c:326\n");
  EXPECT_EQ(error.code(), ErrorCode::kConfigInvalid);
  EXPECT_STREQ(error.what(),
               "PostgreSQL: connection to server at \"a\", port 1 failed: Connection refused; "
               "connection to server at \"b\", port 1 failed: FATAL:  28P01: no password; "
               "check user and password of the URL");
}

TEST(FailureTest, WhatAPoolerDoesToPreparedStatementsNamesTheSetting) {
  for (const char* state : {"26000", "42P05"}) {
    const auto error = refusal(state, "prepared statement \"x\" ...", "");
    EXPECT_EQ(error.code(), ErrorCode::kStoreRejected);
    EXPECT_NE(std::string(error.what()).find("pgbouncer=on"), std::string::npos);
  }
}

class PostgresFailureTest : public PostgresRoomTest {};

TEST_F(PostgresFailureTest, NoTextShowsThePassword) {
  for (const char* dsn :
       {"postgresql://u:secret@[::1/db", "postgresql://u:se%zzcret@h/db",
        "user=u password=x secret", "postgresql://u:se\"cret@[::1/db",
        "postgresql://u:secret@127.0.0.1:1/db", "postgresql://u:secret@h/db?secret=1",
        "postgresql://u:se%00cret@h/db", "postgresql://u:secret@h:99999/db"}) {
    const Error error =
        error_of([&] { transport::postgres::Connection connection(spec(dsn), store().log); });
    EXPECT_EQ(std::string(error.what()).find("cret"), std::string::npos) << error.what();
    const Error other =
        error_of([&] { transport::postgres::prepare_schema(dsn, store().config().schema, true); });
    EXPECT_EQ(std::string(other.what()).find("cret"), std::string::npos) << other.what();
  }
}

}  // namespace
}  // namespace msgq::test
