// Cuts the front of a range that one claim takes: pure arithmetic on blocks and ranges.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "transport/room.h"
#include "transport/sqlite/blocks.h"
#include "transport/sqlite/range.h"

namespace msgq::transport::sqlite {

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
