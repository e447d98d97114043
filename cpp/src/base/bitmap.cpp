#include "base/bitmap.h"

#include <bit>

namespace msgq {

void Bitmap::set(std::uint32_t index) {
  if (index / 8 >= bytes_.size()) bytes_.resize(index / 8 + 1, '\0');
  bytes_[index / 8] =
      static_cast<char>(static_cast<unsigned char>(bytes_[index / 8]) | (1u << (index % 8)));
}

void Bitmap::unset(std::uint32_t index) {
  if (index / 8 >= bytes_.size()) return;
  bytes_[index / 8] =
      static_cast<char>(static_cast<unsigned char>(bytes_[index / 8]) & ~(1u << (index % 8)));
  trim();
}

void Bitmap::set_range(std::uint32_t from, std::uint32_t to) {
  while (from < to && from % 8 != 0) set(from++);
  if (to > from && to / 8 > bytes_.size()) bytes_.resize(to / 8, '\0');
  for (; from + 8 <= to; from += 8) bytes_[from / 8] = static_cast<char>(0xff);
  while (from < to) set(from++);
}

std::uint32_t Bitmap::count() const {
  std::uint32_t total = 0;
  for (const char byte : bytes_)
    total += static_cast<std::uint32_t>(std::popcount(static_cast<unsigned char>(byte)));
  return total;
}

Bitmap Bitmap::shifted(std::uint32_t from) const {
  Bitmap out;
  const auto bits = static_cast<std::uint32_t>(bytes_.size() * 8);
  for (std::uint32_t i = from; i < bits; ++i)
    if (has(i)) out.set(i - from);
  return out;
}

Bitmap Bitmap::below(std::uint32_t to) const {
  Bitmap out;
  const auto bits = static_cast<std::uint32_t>(bytes_.size() * 8);
  for (std::uint32_t i = 0; i < bits && i < to; ++i)
    if (has(i)) out.set(i);
  return out;
}

void Bitmap::merge(const Bitmap& other) {
  if (other.bytes_.size() > bytes_.size()) bytes_.resize(other.bytes_.size(), '\0');
  for (std::size_t i = 0; i < other.bytes_.size(); ++i)
    bytes_[i] = static_cast<char>(static_cast<unsigned char>(bytes_[i]) |
                                  static_cast<unsigned char>(other.bytes_[i]));
  trim();
}

void Bitmap::trim() {
  while (!bytes_.empty() && bytes_.back() == '\0') bytes_.pop_back();
}

}  // namespace msgq
