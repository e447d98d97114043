// A range: messages of one lane that are claimed, lapse and are cut together. Ordinals count them
// from 0 across their blocks; the bodies stay in the blocks, which are shared.
//
// Threads: plain values; the store's mutex guards those that are in the store.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bitmap.h"
#include "transport/block.h"
#include "transport/room.h"

namespace msgq::transport::memory {

// Part of one block.
struct Part {
  std::uint64_t seq = 0;
  BlockPtr block;
  std::uint32_t first = 0;  // index in the block
  std::uint32_t count = 0;
};

struct Range {
  std::vector<Part> parts;
  Bitmap done;                  // ordinals that are no longer to be run
  std::uint32_t count = 0;      // ordinals in all
  std::uint32_t left = 0;       // of them not done
  std::uint64_t bytes = 0;      // of all frames, done ones included
  std::uint32_t attempt = 0;    // claims of it so far
  std::uint32_t crashes = 0;    // while it ran alone, within the window
  std::int64_t crashed_ms = 0;  // the first of them, Unix ms
  bool is_suspect = false;      // runs alone

  // Where it begins in its lane. REQUIRES: it has a part.
  KeyPlace begin() const { return {parts.front().seq, parts.front().first}; }
  // Adds a part that nobody has run yet.
  void add(Part part);
  // The part and the index in its block of one ordinal. REQUIRES: ordinal < count.
  std::pair<const Part*, std::uint32_t> locate(std::uint32_t ordinal) const;
};

// Takes the front of `range` that fits into `room`, at least one undone message; `range` keeps the
// rest and is left without a message when all of it fits. REQUIRES: room is not spent.
Range split_front(Range& range, Room& room);

// Makes one range of each message that is not done, each alone and suspect.
std::vector<Range> split_alone(const Range& range);

}  // namespace msgq::transport::memory
