#include "transport/postgres/params.h"

#include <utility>

namespace msgq::transport::postgres {
namespace {

constexpr std::uint32_t kBytea = 17;
constexpr std::uint32_t kArrayOfBool = 1000, kArrayOfInt4 = 1007, kArrayOfInt8 = 1016,
                        kArrayOfText = 1009, kArrayOfUuid = 2951;

std::uint32_t oid_of_array(Array::Type type) {
  switch (type) {
    case Array::Type::kBool:
      return kArrayOfBool;
    case Array::Type::kInt4:
      return kArrayOfInt4;
    case Array::Type::kInt8:
      return kArrayOfInt8;
    case Array::Type::kText:
      return kArrayOfText;
    case Array::Type::kUuid:
      return kArrayOfUuid;
  }
  return 0;
}

}  // namespace

void put_int32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_int64(std::string& out, std::uint64_t value) {
  put_int32(out, static_cast<std::uint32_t>(value >> 32));
  put_int32(out, static_cast<std::uint32_t>(value));
}

Array::Array(Type type) : type_(type) {}

void Array::add(std::int64_t value) {
  ++count_;
  if (type_ == Type::kInt8) {
    put_int32(elements_, 8);
    put_int64(elements_, static_cast<std::uint64_t>(value));
  } else if (type_ == Type::kInt4) {
    put_int32(elements_, 4);
    put_int32(elements_, static_cast<std::uint32_t>(value));
  } else {
    put_int32(elements_, 1);
    elements_ += static_cast<char>(value != 0);
  }
}

void Array::add(std::string_view text) {
  ++count_;
  put_int32(elements_, static_cast<std::uint32_t>(text.size()));
  elements_ += text;
}

void Array::add(MessageId id) {
  ++count_;
  put_int32(elements_, 16);
  elements_ += id.to_bytes();
}

void Array::add_null() {
  ++count_;
  has_null_ = true;
  put_int32(elements_, ~0u);
}

std::string Array::take() {
  std::string out;
  put_int32(out, count_ > 0 ? 1 : 0);  // dimensions
  put_int32(out, has_null_ ? 1 : 0);
  put_int32(out, static_cast<std::uint32_t>(type_));
  if (count_ > 0) {
    put_int32(out, count_);
    put_int32(out, 1);  // the first index
  }
  out += std::exchange(elements_, {});
  return out;
}

Params& Params::add(std::uint32_t type, std::string value) {
  types_.push_back(type);
  values_.push_back(std::move(value));
  return *this;
}

Params& Params::integer(std::int64_t value) {
  std::string out;
  put_int64(out, static_cast<std::uint64_t>(value));
  return add(20, std::move(out));
}

Params& Params::small(std::int32_t value) {
  std::string out;
  put_int32(out, static_cast<std::uint32_t>(value));
  return add(23, std::move(out));
}

Params& Params::flag(bool value) { return add(16, std::string(1, static_cast<char>(value))); }
Params& Params::text(std::string_view value) { return add(25, std::string(value)); }
Params& Params::bytes(std::string value) { return add(kBytea, std::move(value)); }
Params& Params::uuid(MessageId id) { return add(2950, id.to_bytes()); }

Params& Params::array(Array&& value) {
  const std::uint32_t type = oid_of_array(value.type());
  return add(type, value.take());
}

std::vector<const char*> Params::pointers() const {
  std::vector<const char*> out;
  for (const auto& value : values_) out.push_back(value.data());
  return out;
}

std::vector<int> Params::lengths() const {
  std::vector<int> out;
  for (const auto& value : values_) out.push_back(static_cast<int>(value.size()));
  return out;
}

}  // namespace msgq::transport::postgres
