// A real PostgreSQL server for the tests that need one, and schemas of their own in it.
//
// Under ctest it is one server for all of them: a test gets it by having "Postgres" or "postgres"
// in its name. Run by hand, the program starts one at first need, and it is gone with the process.
//
// Threads: any; a PgSchema one at a time.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace msgq::test {

// The server's URL: user, database, host and port; a query has begun, so more follows by '&'.
// Throws std::runtime_error where there is no server to start or it does not start.
const std::string& pg_url();

// Why there is no server; empty when there is one. With CI in the environment it throws instead.
const std::string& pg_missing();

// First in a test's body or SetUp: without a server the test says why it does not run.
#define MSGQ_TEST_NEEDS_POSTGRES() \
  if (!::msgq::test::pg_missing().empty()) GTEST_SKIP() << ::msgq::test::pg_missing()

// The same server behind PgBouncer in transaction mode, and why there is none; as above.
const std::string& pooled_url();
const std::string& pooler_missing();
#define MSGQ_TEST_NEEDS_POOLER() \
  if (!::msgq::test::pooler_missing().empty()) GTEST_SKIP() << ::msgq::test::pooler_missing()

// Runs SQL on a connection of its own; gives the first column of the first row, empty if none.
// Throws std::runtime_error with the server's words. `url` may be msgq's: its `schema` is taken
// out.
std::string pg_run(const std::string& sql, const std::string& url = pg_url());

// A name that no other test has, and no schema yet; one of that name is dropped at the end.
class PgSchema {
 public:
  PgSchema();
  ~PgSchema();
  PgSchema(const PgSchema&) = delete;
  PgSchema& operator=(const PgSchema&) = delete;

  const std::string& name() const { return name_; }
  // The server's URL with &schema=name.
  std::string url() const { return pg_url() + "&schema=" + name_; }

 private:
  std::string name_;
};

}  // namespace msgq::test
