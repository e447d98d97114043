#include "transport/sqlite/connection.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/event.h"
#include "base/fork.h"
#include "transport/sql_text.h"
#include "transport/sqlite/failure.h"

namespace msgq::transport::sqlite {
namespace {

// How long to sleep between looks at a foreign lock; a guess: short enough to be fair, long enough
// to cost nothing.
constexpr long kBusySleepMs[] = {0, 1, 1, 2, 5};

// How long emptying the log may wait for readers.
constexpr std::chrono::milliseconds kCheckpointWait{200};

void sleep_ms(long ms) {
  const std::atomic<std::uint32_t> nobody{0};  // a word that nobody raises
  futex_wait(&nobody, 0, ms == 0 ? std::chrono::microseconds(100) : std::chrono::milliseconds(ms));
}

}  // namespace

Connection::Connection(const ConnectionSpec& spec, Clock& clock)
    : clock_(clock), busy_timeout_(spec.busy_timeout), fork_generation_(fork_generation()) {
  const int access =
      spec.is_read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(spec.path.c_str(), &database_, access | SQLITE_OPEN_NOMUTEX,
                                   spec.vfs.empty() ? nullptr : spec.vfs.c_str());
  if (code != SQLITE_OK) {
    sqlite3* failed = std::exchange(database_, nullptr);
    try {
      raise_failure(failed, sqlite3_extended_errcode(failed), "opening " + spec.path);
    } catch (...) {
      sqlite3_close(failed);
      throw;
    }
  }
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_handler(
      database_,
      [](void* self, int tries) { return static_cast<Connection*>(self)->on_busy(tries); }, this);
  // Checkpoints are ours (House), so that a failed sync is seen; the hook only counts pages.
  sqlite3_wal_hook(
      database_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  busy_until_ = clock_.steady() + busy_timeout_;
  if (spec.is_read_only) return;
  run(spec.durability == Durability::kSync ? sql::sqlite::kSetSyncFull
                                           : sql::sqlite::kSetSyncNormal);
}

Connection::~Connection() {
  begin_.reset();
  commit_.reset();
  rollback_.reset();
  if (database_ != nullptr && fork_generation() == fork_generation_) sqlite3_close_v2(database_);
}

int Connection::on_busy(int tries) {
  if (clock_.steady() >= busy_until_) return 0;
  sleep_ms(kBusySleepMs[std::min<std::size_t>(static_cast<std::size_t>(tries),
                                              std::size(kBusySleepMs) - 1)]);
  return 1;
}

void Connection::run(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise_failure(database_, code, "setting up the store");
}

std::int64_t Connection::ask(const char* sql) {
  Statement statement(database_, sql);
  Cursor row = statement.query();
  return row.next() ? row.integer(0) : 0;
}

void Connection::begin() {
  busy_until_ = clock_.steady() + busy_timeout_;
  if (begin_ == nullptr) begin_ = std::make_unique<Statement>(database_, sql::sqlite::kBegin);
  begin_->run();
}

void Connection::commit() {
  if (commit_ == nullptr) commit_ = std::make_unique<Statement>(database_, sql::sqlite::kCommit);
  const int code = commit_->try_run();
  if (code != SQLITE_DONE) raise_failure(database_, code, "committing", Moment::kCommit);
}

void Connection::rollback() noexcept {
  if (!is_in_transaction()) return;
  sqlite3_exec(database_, sql::sqlite::kRollback, nullptr, nullptr, nullptr);
}

bool Connection::checkpoint(int mode) {
  busy_until_ =
      clock_.steady() + (mode == SQLITE_CHECKPOINT_PASSIVE ? Nanos(0) : Nanos(kCheckpointWait));
  int left = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_, nullptr, mode, &left, &moved);
  const bool is_done = code == SQLITE_OK && left == moved;
  if (is_done) log_pages_ = 0;
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
    return is_done;
  raise_failure(database_, code, "moving the log into the file", Moment::kCommit);
}

}  // namespace msgq::transport::sqlite
