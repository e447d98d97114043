// One SQLite connection with the house's settings, and transactions on it. Waits for other
// programs' write locks up to a deadline; never retries a failed commit.
//
// Threads: one at a time.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "msgq/config.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

struct ConnectionSpec {
  std::string path;
  std::string vfs;  // empty: SQLite's own
  Durability durability = Durability::kSync;
  std::chrono::milliseconds busy_timeout{60'000};
  bool is_read_only = false;
};

class Connection {
 public:
  // Opens or creates. Throws kStoreRejected, kStoreUnavailable, kSchemaMismatch.
  Connection(const ConnectionSpec& spec, Clock& clock);
  // Closes; after a fork leaves everything to the parent.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* handle() const { return database_; }
  // Runs any number of statements without parameters.
  void run(const char* sql);
  // The single integer that a pragma or query gives.
  std::int64_t ask(const char* sql);

  // Begins a write transaction; waits for other programs at most busy_timeout from now.
  void begin();
  void commit();  // in doubt when it throws kStoreInDoubt
  void rollback() noexcept;
  // Rows changed since the connection was opened.
  std::int64_t changes() const { return sqlite3_total_changes(database_); }
  bool is_in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

  // Pages in the write-ahead log after the last commit.
  int log_pages() const { return log_pages_; }
  // Moves the log into the file as far as readers allow; true when all of it. Throws kStoreInDoubt
  // when a sync failed.
  bool checkpoint(int mode);

 private:
  int on_busy(int tries);

  // fixed after construction
  Clock& clock_;
  const std::chrono::milliseconds busy_timeout_;
  const std::uint32_t fork_generation_;
  sqlite3* database_ = nullptr;
  std::unique_ptr<Statement> begin_, commit_, rollback_;
  // only the connection's thread
  Nanos busy_until_{0};
  int log_pages_ = 0;
};

}  // namespace msgq::transport::sqlite
