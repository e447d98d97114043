// A SQLite file in a directory of its own, as the conformance suite sees it: each process is a
// transport with its own connections and its own lock in the side file.
//
// Threads: one at a time unless a test says otherwise.
#pragma once

#include <sqlite3.h>

#include <memory>

#include "conformance/store_under_test.h"
#include "support/temp_dir.h"
#include "transport/sqlite/sqlite_transport.h"

namespace msgq::test {

class SqliteStoreUnderTest : public StoreUnderTest {
 public:
  explicit SqliteStoreUnderTest(Config config)
      : config_(std::move(config)), runtime_(make_thread_runtime(clock)) {
    config_.path = dir_.file("store.db");
    options_.second_look_max = std::chrono::milliseconds(0);
  }

  std::unique_ptr<transport::Transport> join() override {
    return std::make_unique<transport::SqliteTransport>(config_, World{clock, random, *runtime_},
                                                        log, options_);
  }
  void kill(transport::Transport& process) override {
    dynamic_cast<transport::SqliteTransport&>(process).test_only_kill();
  }
  void damage() override { run("update block set frames = zeroblob(length(frames))"); }
  void scratch() override {
    run("update block set frames = cast(substr(frames, 1, 8) || x'7e' || substr(frames, 10) as "
        "blob)");
  }
  void lose_blocks() override { run("delete from block"); }

  // Runs SQL as another program would.
  void run(const std::string& sql) {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(config_.path.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  const std::string& path() const { return config_.path; }
  Config& config() { return config_; }
  transport::SqliteOptions& options() { return options_; }

 private:
  TempDir dir_;
  Config config_;
  transport::SqliteOptions options_;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace msgq::test
