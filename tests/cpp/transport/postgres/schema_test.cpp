// Promise: of many who start at once one makes the schema; a schema that does not fit is refused
// with what to do.
#include "transport/postgres/schema.h"

#include <thread>

#include "transport/postgres/pqxx_call.h"
#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::prepare_schema;
using transport::postgres::validate_schema_name;

class PostgresSchemaTest : public PostgresRoomTest {};

TEST_F(PostgresSchemaTest, EightStartAtOnceAndOneMigrates) {
  for (int round = 0; round < 3; ++round) {
    const PgSchema fresh;
    std::vector<std::thread> starters;
    for (int i = 0; i < 8; ++i)
      starters.emplace_back([&] { EXPECT_NO_THROW(prepare_schema(pg_url(), fresh.name(), true)); });
    for (auto& each : starters) each.join();
    EXPECT_EQ(pg_run("select count(*) from " + fresh.name() + ".meta"), "1");
    EXPECT_EQ(pg_run("select count(*) from " + fresh.name() + ".directory"), "1");
  }
}

TEST_F(PostgresSchemaTest, ANewerSchemaIsRefused) {
  ask("insert into :schema.meta (version) values (1000)");
  const Error error = error_of([&] { prepare_schema(pg_url(), store().config().schema, true); });
  EXPECT_EQ(error.code(), ErrorCode::kSchemaMismatch);
  EXPECT_NE(std::string(error.what()).find("newer msgq (version 1000"), std::string::npos);
  ask("delete from :schema.meta where version = 1000");
}

TEST_F(PostgresSchemaTest, WithoutLeaveToCreateTheCommandIsNamed) {
  const PgSchema fresh;
  const Error error = error_of([&] { prepare_schema(pg_url(), fresh.name(), false); });
  EXPECT_EQ(error.code(), ErrorCode::kSchemaMismatch);
  EXPECT_NE(std::string(error.what()).find("msgq db upgrade"), std::string::npos) << error.what();
  EXPECT_EQ(pg_run("select count(*) from pg_namespace where nspname = '" + fresh.name() + "'"),
            "0");
}

TEST(SchemaNameTest, NoConnectionIsWaitedForWithoutAnEnd) {
  using transport::postgres::with_connect_timeout;
  EXPECT_EQ(with_connect_timeout("postgresql://h/d"), "postgresql://h/d?connect_timeout=5");
  EXPECT_EQ(with_connect_timeout("postgresql://h/d?a=b"), "postgresql://h/d?a=b&connect_timeout=5");
  EXPECT_EQ(with_connect_timeout("host=h dbname=d"), "host=h dbname=d connect_timeout=5");
  EXPECT_EQ(with_connect_timeout("host=h connect_timeout=9"), "host=h connect_timeout=9");
}

TEST(SchemaNameTest, ServersBefore13AreRefused) {
  using transport::postgres::require_server;
  EXPECT_NO_THROW(require_server(130'000));
  EXPECT_NO_THROW(require_server(180'001));
  const Error error = error_of([] { require_server(120'022); });
  EXPECT_EQ(error.code(), ErrorCode::kStoreRejected);
  EXPECT_STREQ(error.what(),
               "PostgreSQL 12 is too old: msgq needs 13 or newer; upgrade the server");
}

TEST(SchemaNameTest, TheTextNamesTheSchemaEverywhere) {
  const std::string text = transport::postgres::schema_text("jobs");
  EXPECT_EQ(text.find(":schema"), std::string::npos);
  EXPECT_NE(text.find("function jobs.exchange("), std::string::npos);
}

TEST(SchemaNameTest, BadNamesAreRefused) {
  for (const char* bad : {"", "1a", "A", "a-b", "a b", "a\"b", "a;drop", "\xc3\xa4",
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_EQ(code_of([&] { validate_schema_name(bad); }), ErrorCode::kConfigInvalid) << bad;
  for (const char* good : {"a", "_", "msgq_2", "select"})
    EXPECT_NO_THROW(validate_schema_name(good));
}

}  // namespace
}  // namespace msgq::test
