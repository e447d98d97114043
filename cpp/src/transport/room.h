// How much one claim may still take, in messages and in bytes; every store cuts by it.
//
// Threads: plain values.
#pragma once

#include <cstdint>

#include "transport/transport.h"

namespace msgq::transport {

struct Room {
  static constexpr std::uint64_t kAnyBytes = ~0ull;

  Room(std::uint32_t messages, std::uint64_t bytes_max, bool is_exact);
  explicit Room(const ClaimWish& wish) : Room(wish.count_max, wish.bytes_max, wish.is_exact) {}
  // For one message, however large.
  static Room for_one() { return {1, 0, true}; }

  std::uint32_t count;
  std::uint32_t extra;  // taken on top when that spares a cut
  std::uint64_t bytes;
  bool is_first = true;  // nothing was taken yet: one message always fits

  bool is_spent() const { return count == 0 || (bytes == 0 && !is_first); }
  bool has(std::uint32_t messages, std::uint64_t size) const {
    return messages <= count + extra && size <= bytes;
  }
  void spend(std::uint32_t messages, std::uint64_t size);
};

// How many messages of `block` from `first` on go into `room`; 0 when it is spent.
std::uint32_t fit(const Room& room, const Block& block, std::uint32_t first);

}  // namespace msgq::transport
