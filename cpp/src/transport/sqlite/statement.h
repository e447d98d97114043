// Prepared statements: bind and run in one call, read rows through a cursor that gives the
// statement back whatever happens. SQL text comes from cpp/sql, never from here.
//
// Threads: that of the connection.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace msgq::transport::sqlite {

// Bytes to be bound as a blob; a string_view alone is text. Null when `is_null`.
struct Blob {
  std::string_view bytes;
  bool is_null = false;
};

class Statement;

// The rows of one run. Views of texts and blobs end with the next call.
class Cursor {
 public:
  explicit Cursor(Statement& statement) : statement_(&statement) {}
  ~Cursor();
  Cursor(Cursor&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  bool next();
  std::int64_t integer(int column) const;
  std::uint32_t small(int column) const { return static_cast<std::uint32_t>(integer(column)); }
  std::string_view bytes(int column) const;
  std::string text(int column) const { return std::string(bytes(column)); }
  bool is_null(int column) const;

 private:
  Statement* statement_;
};

class Statement {
 public:
  // REQUIRES: `sql` outlives the statement. Throws when SQLite cannot prepare it.
  Statement(sqlite3* database, const char* sql);
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds the values to ?1, ?2, ... They must outlive the run.
  template <typename... Values>
  Cursor query(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return Cursor(*this);
  }
  // Runs it to its end; how many rows it changed.
  template <typename... Values>
  std::int64_t run(const Values&... values) {
    Cursor cursor = query(values...);
    while (cursor.next()) {
    }
    return sqlite3_changes(database_);
  }

 private:
  friend class Cursor;
  friend class Connection;
  // Runs a statement without rows or parameters; the result code as it is.
  int try_run();
  template <std::integral T>
  void bind(int index, T value) {
    check(sqlite3_bind_int64(handle_, index, static_cast<sqlite3_int64>(value)));
  }
  void bind(int index, std::string_view text);
  void bind(int index, const Blob& blob);
  void check(int code) const;

  sqlite3* const database_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace msgq::transport::sqlite
