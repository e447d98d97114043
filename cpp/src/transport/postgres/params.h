// The parameters of one statement in PostgreSQL's binary format, arrays included.
//
// Threads: a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "msgq/message.h"

namespace msgq::transport::postgres {

// One array parameter on its way; elements are appended in order. Nulls are for text only.
class Array {
 public:
  enum class Type : std::uint32_t {
    kBool = 16,
    kInt8 = 20,
    kInt4 = 23,
    kText = 25,
    kUuid = 2950,
  };
  explicit Array(Type type);
  void add(std::int64_t value);  // of kInt4, kInt8, kBool
  void add(std::string_view text);
  void add(MessageId id);
  void add_null();
  Type type() const { return type_; }
  std::uint32_t size() const { return count_; }
  // The whole value, header included.
  std::string take();

 private:
  const Type type_;
  std::string elements_;
  std::uint32_t count_ = 0;
  bool has_null_ = false;
};

class Params {
 public:
  Params& integer(std::int64_t value);  // bigint
  Params& small(std::int32_t value);    // int
  Params& flag(bool value);
  Params& text(std::string_view value);
  Params& bytes(std::string value);  // bytea
  Params& uuid(MessageId id);
  Params& array(Array&& value);

  int count() const { return static_cast<int>(values_.size()); }
  // As libpq wants them; hold as long as this does not change.
  std::vector<const char*> pointers() const;
  std::vector<int> lengths() const;
  const std::vector<std::uint32_t>& types() const { return types_; }

 private:
  Params& add(std::uint32_t type, std::string value);
  std::vector<std::string> values_;
  std::vector<std::uint32_t> types_;
};

void put_int32(std::string& out, std::uint32_t value);
void put_int64(std::string& out, std::uint64_t value);

}  // namespace msgq::transport::postgres
