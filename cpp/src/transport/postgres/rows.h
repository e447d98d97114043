// What a statement answered, in PostgreSQL's binary format. Owns the result; views live as long.
//
// Threads: one at a time.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "msgq/message.h"

namespace msgq::transport::postgres {

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

class Rows {
 public:
  Rows() = default;
  explicit Rows(Result result) : result_(std::move(result)) {}

  int size() const { return result_ ? PQntuples(result_.get()) : 0; }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  std::int64_t integer(int row, int column) const;                // of int2, int4, int8, bool
  std::vector<std::int64_t> integers(int row, int column) const;  // of int4[]
  double real(int row, int column) const;                         // of float8
  std::string_view bytes(int row, int column) const;
  MessageId id(int row, int column) const { return MessageId::from_bytes(bytes(row, column)); }
  // How many rows an update changed.
  std::int64_t changed() const;

 private:
  Result result_;
};

}  // namespace msgq::transport::postgres
