#include "transport/postgres/rows.h"

#include <bit>
#include <cstdlib>

namespace msgq::transport::postgres {

std::int64_t Rows::integer(int row, int column) const {
  const std::string_view raw = bytes(row, column);
  if (raw.empty()) return 0;
  // Sign of the first byte, then as many bytes as there are.
  auto value =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<signed char>(raw[0])));
  for (std::size_t i = 1; i < raw.size(); ++i)
    value = value << 8 | static_cast<unsigned char>(raw[i]);
  return static_cast<std::int64_t>(value);
}

std::vector<std::int64_t> Rows::integers(int row, int column) const {
  constexpr std::size_t kHeader = 20, kElement = 8;  // length and value of an int4
  const std::string_view raw = bytes(row, column);
  std::vector<std::int64_t> out;
  for (std::size_t at = kHeader; at + kElement <= raw.size(); at += kElement) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i < kElement; ++i)
      value = value << 8 | static_cast<unsigned char>(raw[at + i]);
    out.push_back(static_cast<std::int32_t>(value));
  }
  return out;
}

double Rows::real(int row, int column) const { return std::bit_cast<double>(integer(row, column)); }

std::string_view Rows::bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::changed() const { return std::atoll(PQcmdTuples(result_.get())); }

}  // namespace msgq::transport::postgres
