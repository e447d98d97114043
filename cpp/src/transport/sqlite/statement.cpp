#include "transport/sqlite/statement.h"

#include <algorithm>
#include <cstring>

#include "transport/sqlite/failure.h"

namespace msgq::transport::sqlite {
namespace {

// The first line of the statement itself, behind the comments: what an error shows.
std::string first_line(const char* sql) {
  std::string_view rest = sql;
  while (rest.starts_with("--")) rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()));
  return std::string(rest.substr(0, rest.find('\n')));
}

}  // namespace

Statement::Statement(sqlite3* database, const char* sql) : database_(database) {
  const int code =
      sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (code != SQLITE_OK) raise_failure(database, code, "preparing '" + first_line(sql) + "'");
}

void Statement::bind(int index, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  check(sqlite3_bind_text64(handle_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int index, const Blob& blob) {
  const char* data = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  check(blob.is_null ? sqlite3_bind_null(handle_, index)
                     : sqlite3_bind_blob64(handle_, index, data, blob.bytes.size(), SQLITE_STATIC));
}

void Statement::check(int code) const {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  raise_failure(database_, code, "'" + first_line(sqlite3_sql(handle_)) + "'");
}

int Statement::try_run() {
  const int code = sqlite3_step(handle_);
  sqlite3_reset(handle_);
  return code;
}

Cursor::~Cursor() {
  if (statement_ != nullptr) sqlite3_reset(statement_->handle_);
}

bool Cursor::next() {
  const int code = sqlite3_step(statement_->handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  statement_->check(code);
  return false;
}

std::int64_t Cursor::integer(int column) const {
  return sqlite3_column_int64(statement_->handle_, column);
}

std::string_view Cursor::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_->handle_, column);
  const int size = sqlite3_column_bytes(statement_->handle_, column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

bool Cursor::is_null(int column) const {
  return sqlite3_column_type(statement_->handle_, column) == SQLITE_NULL;
}

}  // namespace msgq::transport::sqlite
