// The server that tests get is there, and what they do in it leaves nothing behind.
#include "support/pg_server.h"

#include <stdexcept>

namespace msgq::test {
namespace {

TEST(PostgresServerTest, Answers) {
  MSGQ_TEST_NEEDS_POSTGRES();
  EXPECT_EQ(pg_run("select 1"), "1");
}

TEST(PostgresServerTest, SaysWhatIsWrong) {
  MSGQ_TEST_NEEDS_POSTGRES();
  EXPECT_THROW(pg_run("select no_such_thing"), std::runtime_error);
  EXPECT_THROW(pg_run("select 1", pg_url() + "&connect_timeout=x"), std::runtime_error);
}

TEST(PostgresServerTest, ASchemaIsGoneWithItsObject) {
  MSGQ_TEST_NEEDS_POSTGRES();
  std::string name;
  {
    const PgSchema schema;
    const PgSchema other;
    name = schema.name();
    EXPECT_NE(name, other.name());
    pg_run("create schema " + name + "; create table " + name + ".t (n int)", schema.url());
  }
  EXPECT_EQ(pg_run("select count(*) from pg_namespace where nspname = '" + name + "'"), "0");
}

}  // namespace
}  // namespace msgq::test
