// The yardstick of the embedded store: how many messages a block log on SQLite takes in and gives
// out at once when nothing stands between the program and the library. One connection, WAL, every
// commit flushed. Each transaction is one group commit of a busy queue: settle what the last one
// claimed (behind the fence; its block goes at once, so that warm pages are used again), append a
// block, claim and read the next one. It is no queue: no retry, delay, priority, lapse or
// neighbour.
//
//   sqlite_ceiling FILE [per_block=1000] [bytes=200] [seconds=5] [consume=1] [backlog=0]
//                       [synchronous=FULL]
//
// FILE is made anew, with its -wal and -shm, and removed. `backlog` messages are stored before the
// clock starts. Prints one JSON object: messages in and out (durably settled) per second, commits.
// One thread.
#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "arguments.h"

namespace {

// A block's rowid is (lane, seq) in one integer; this is lane 1. It beats a WITHOUT ROWID table.
constexpr std::int64_t kLane = std::int64_t{1} << 40;

struct Plan {
  std::string path;
  int per_block;
  int bytes;
  double seconds;
  bool consumes;
  std::int64_t backlog;
  std::string synchronous;
};

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "sqlite_ceiling: %s\n", what);
  std::exit(1);
}

void remove_files(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::remove((path + suffix).c_str());
}

class Database {
 public:
  explicit Database(const std::string& path) { check(sqlite3_open(path.c_str(), &handle_)); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(handle_); }

  void run(const std::string& sql) {
    check(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr));
  }

  void check(int code) const {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
      give_up(sqlite3_errmsg(handle_));
    }
  }

  [[nodiscard]] sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

/// One prepared statement, with as few steps around the library's calls as can be.
class Statement {
 public:
  Statement(const Database& database, const char* sql) : database_(database) {
    database.check(sqlite3_prepare_v2(database.handle(), sql, -1, &handle_, nullptr));
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(handle_); }

  Statement& bind(int index, std::int64_t value) {
    database_.check(sqlite3_bind_int64(handle_, index, value));
    return *this;
  }
  Statement& bind(int index, const std::string& bytes) {
    const int size = static_cast<int>(bytes.size());
    database_.check(sqlite3_bind_blob(handle_, index, bytes.data(), size, SQLITE_STATIC));
    return *this;
  }
  /// True while there is a row.
  bool step() {
    const int code = sqlite3_step(handle_);
    database_.check(code);
    return code == SQLITE_ROW;
  }
  void reset() { sqlite3_reset(handle_); }
  void once() {
    step();
    reset();
  }
  [[nodiscard]] sqlite3_stmt* handle() const { return handle_; }

 private:
  const Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

/// Lays the file out; runs before any statement is prepared.
const Database& made_anew(Database& database, const std::string& synchronous) {
  database.run("pragma page_size=8192; pragma auto_vacuum=incremental; pragma journal_mode=wal;");
  database.run("pragma synchronous=" + synchronous);
  database.run(
      "create table block(id integer primary key, n int, body blob);"
      "create table claim(sub int, lane int, gen int, lo int, hi int, owner int, attempt int,"
      " until int, primary key(sub, lane, gen)) without rowid;");
  return database;
}

class BlockLog {
 public:
  BlockLog(const Database& database, const Plan& plan)
      : begin_(database, "begin immediate"),
        commit_(database, "commit"),
        append_(database, "insert into block values ((1 << 40) + ?1, ?2, ?3)"),
        read_(database,
              "select id, body from block where id > (1 << 40) + ?1 and id < (2 << 40)"
              " order by id limit 1"),
        claim_(database, "insert into claim values (1, 1, ?1, ?2, ?2, 1, 1, 0)"),
        fence_(database,
               "select lo from claim where sub = 1 and lane = 1 and gen = ?1 and owner = 1"),
        drop_block_(database, "delete from block where id = (1 << 40) + ?1"),
        drop_claim_(database, "delete from claim where sub = 1 and lane = 1 and gen = ?1"),
        per_block_(plan.per_block),
        body_(static_cast<std::size_t>(plan.per_block) * static_cast<std::size_t>(plan.bytes + 8),
              'x') {}

  /// Stores blocks before the clock starts, 100 to a transaction.
  void fill(std::int64_t messages) {
    while (appended_ * per_block_ < messages) {
      begin_.once();
      for (int i = 0; i < 100 && appended_ * per_block_ < messages; ++i) append();
      commit_.once();
    }
  }

  /// One group commit.
  void turn(bool consumes) {
    begin_.once();
    const bool settles = is_claimed_;
    if (settles) settle();
    append();
    is_claimed_ = consumes && claim_next();
    commit_.once();
    ++commits_;
    if (settles) settled_ += per_block_;
  }

  [[nodiscard]] std::int64_t appended() const { return appended_ * per_block_; }
  [[nodiscard]] std::int64_t settled() const { return settled_; }
  [[nodiscard]] std::int64_t commits() const { return commits_; }
  [[nodiscard]] std::int64_t checksum() const { return checksum_; }

 private:
  void append() { append_.bind(1, ++appended_).bind(2, per_block_).bind(3, body_).once(); }

  void settle() {
    if (!fence_.bind(1, gen_).step()) give_up("lease lost");
    fence_.reset();
    drop_block_.bind(1, position_).once();
    drop_claim_.bind(1, gen_ - 1).once();  // the newest claim stays: it is the position
  }

  bool claim_next() {
    const bool found = read_.bind(1, position_).step();
    if (found) {
      position_ = sqlite3_column_int64(read_.handle(), 0) - kLane;
      touch(sqlite3_column_blob(read_.handle(), 1), sqlite3_column_bytes(read_.handle(), 1));
      claim_.bind(1, ++gen_).bind(2, position_).once();
    }
    read_.reset();
    return found;
  }

  /// Looks at every cache line of the body, so that reading it cannot be optimised away.
  void touch(const void* body, int size) {
    const auto* bytes = static_cast<const unsigned char*>(body);
    for (int i = 0; i < size; i += 64) checksum_ += bytes[i];
  }

  Statement begin_, commit_, append_, read_, claim_, fence_, drop_block_, drop_claim_;
  const std::int64_t per_block_;
  const std::string body_;
  std::int64_t appended_ = 0, position_ = 0, gen_ = 0;
  std::int64_t settled_ = 0, commits_ = 0, checksum_ = 0;
  bool is_claimed_ = false;
};

void measure(const Plan& plan) {
  using Clock = std::chrono::steady_clock;
  Database database(plan.path);
  BlockLog log(made_anew(database, plan.synchronous), plan);
  log.fill(plan.backlog);
  const std::int64_t before = log.appended();
  const auto start = Clock::now();
  double took = 0;
  while (took < plan.seconds) {
    log.turn(plan.consumes);
    took = std::chrono::duration<double>(Clock::now() - start).count();
  }
  std::printf(
      "{\"per_block\": %d, \"bytes\": %d, \"synchronous\": \"%s\", \"backlog\": %lld,"
      " \"in_per_s\": %.0f, \"out_per_s\": %.0f, \"commits_per_s\": %.0f, \"checksum\": %lld}\n",
      plan.per_block, plan.bytes, plan.synchronous.c_str(), static_cast<long long>(before),
      static_cast<double>(log.appended() - before) / took,
      static_cast<double>(log.settled()) / took, static_cast<double>(log.commits()) / took,
      static_cast<long long>(log.checksum()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: sqlite_ceiling FILE [name=value ...]\n");
    return 2;
  }
  const ceiling::Arguments given(argc, argv);
  const Plan plan{argv[1],
                  static_cast<int>(given.number("per_block", 1000)),
                  static_cast<int>(given.number("bytes", 200)),
                  given.seconds("seconds", 5),
                  given.number("consume", 1) != 0,
                  given.number("backlog", 0),
                  given.text("synchronous", "FULL")};
  remove_files(plan.path);
  measure(plan);
  remove_files(plan.path);
  return 0;
}
