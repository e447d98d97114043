// A growable set of small numbers as bits: which messages of a range are done. Stored as bytes, bit
// i in byte i / 8, lowest first, without trailing zero bytes.
//
// Threads: a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace msgq {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::string_view bytes) : bytes_(bytes) {}

  bool has(std::uint32_t index) const {
    return index / 8 < bytes_.size() &&
           (static_cast<unsigned char>(bytes_[index / 8]) >> (index % 8) & 1);
  }
  void set(std::uint32_t index);
  void unset(std::uint32_t index);
  void set_range(std::uint32_t from, std::uint32_t to);  // [from, to)
  std::uint32_t count() const;
  bool empty() const { return bytes_.empty(); }
  // The bits from `from` on, moved down to 0.
  Bitmap shifted(std::uint32_t from) const;
  // The bits below `to`.
  Bitmap below(std::uint32_t to) const;
  const std::string& bytes() const { return bytes_; }
  void merge(const Bitmap& other);
  bool operator==(const Bitmap&) const = default;

 private:
  void trim();
  std::string bytes_;
};

}  // namespace msgq
