// How much one claim takes: pure arithmetic on blocks and ranges.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "transport/sqlite/blocks.h"
#include "transport/sqlite/range.h"

namespace msgq::transport::sqlite {

// What a wish may still get.
struct Room {
  static constexpr std::uint64_t kAnyBytes = ~0ull;

  explicit Room(const ClaimWish& wish);
  // For one message, however large.
  static Room for_one();

  std::uint32_t count = 0;
  std::uint32_t extra = 0;  // taken on top when that spares a cut
  std::uint64_t bytes = kAnyBytes;
  bool is_first = true;  // nothing was taken yet: one message always fits

  bool is_spent() const { return count == 0 || (bytes == 0 && !is_first); }
  bool has(std::uint32_t messages, std::uint64_t size) const;
  void spend(std::uint32_t messages, std::uint64_t size);

 private:
  Room() = default;
};

// How many messages of `block` from `first` on go into `room`; 0 when it is spent.
std::uint32_t fit(const Room& room, const Block& block, std::uint32_t first);

// The front of a range, as one claim.
struct Front {
  std::vector<BlockPart> parts;
  std::uint32_t n = 0;     // ordinals, done ones included
  std::uint32_t left = 0;  // of them to be run
  std::uint64_t bytes = 0;
  Place to;                         // where it ends
  std::optional<BlockRow> damaged;  // the block at which it stopped because it cannot be read
};

// Walks `scan`, which begins at the block of row.from, as far as `room` allows. Done messages come
// along for nothing. Does not spend the room.
Front cut_front(const ClaimRow& row, Blocks::Scan scan, const Room& room);

}  // namespace msgq::transport::sqlite
