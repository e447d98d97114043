#include "transport/room.h"

#include <algorithm>

namespace msgq::transport {

Room::Room(std::uint32_t messages, std::uint64_t bytes_max, bool is_exact)
    : count(messages),
      extra(is_exact ? 0 : messages / 2),
      bytes(bytes_max > 0 ? bytes_max : kAnyBytes) {}

void Room::spend(std::uint32_t messages, std::uint64_t size) {
  is_first = false;
  count -= std::min(count, messages);
  if (bytes != kAnyBytes) bytes -= std::min(bytes, size);
}

std::uint32_t fit(const Room& room, const Block& block, std::uint32_t first) {
  if (room.is_spent()) return 0;
  const std::uint32_t left = block.count() - first;
  std::uint32_t count = left <= room.count + room.extra ? left : room.count;
  if (block.body_bytes(first, first + count) > room.bytes) {
    std::uint32_t fits = 0, beyond = count;  // body_bytes grows with the count: search by halves
    while (beyond - fits > 1) {
      const std::uint32_t middle = fits + (beyond - fits) / 2;
      (block.body_bytes(first, first + middle) <= room.bytes ? fits : beyond) = middle;
    }
    count = fits;
  }
  return count == 0 && room.is_first ? 1 : count;
}

}  // namespace msgq::transport
