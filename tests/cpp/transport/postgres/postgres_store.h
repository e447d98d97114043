// A schema of its own in the tests' PostgreSQL, as the conformance suite sees it: each process is a
// transport with its own connections and its own lock. The store's clock is the test's.
//
// Threads: one at a time unless a test says otherwise.
#pragma once

#include <memory>
#include <string>

#include "conformance/store_under_test.h"
#include "support/pg_server.h"
#include "transport/postgres/postgres_transport.h"
#include "transport/postgres/schema.h"

namespace msgq::test {

class PostgresStoreUnderTest : public StoreUnderTest {
 public:
  explicit PostgresStoreUnderTest(Config config);

  std::unique_ptr<transport::Transport> join() override;
  void kill(transport::Transport& process) override;
  void damage() override;
  void scratch() override;
  void lose_blocks() override { run("delete from :schema.block"); }

  // Runs SQL as another program would; :schema stands for the store's.
  void run(const std::string& sql);
  std::int64_t store_ms();
  Config& config() { return config_; }
  transport::PostgresOptions& options() { return options_; }

 private:
  PgSchema schema_;
  Config config_;
  transport::PostgresOptions options_;
  const std::int64_t boot_start_ms_ = clock.boot_ms();
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace msgq::test
