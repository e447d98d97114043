// Brings messages that live outside blocks back into lanes: parked ones that are due, dead letters
// that are sent again. They come back as blocks of the return lane of their band; a dead letter
// with a key goes to the end of the order of its key.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Bounds of the blocks that are made.
struct BlockBounds {
  std::uint32_t count_max = 1'000;
  std::uint64_t bytes_max = 256ull << 10;
};

// Moves at most `count_max` messages whose time has come, in the order of their due times. How
// many.
std::uint32_t promote(State& state, std::uint32_t count_max, const BlockBounds& bounds,
                      const Now& now);

// Blocks of these messages with their bands, within `bounds`.
std::vector<std::pair<std::uint8_t, BlockPtr>> blocks_of(const Queue& queue,
                                                         const std::vector<StoredMessage>& messages,
                                                         const BlockBounds& bounds, const Now& now);
// Puts messages at the end of the return lanes of a queue, in such blocks.
void return_all(State& state, Queue& queue, const std::vector<StoredMessage>& messages,
                const BlockBounds& bounds, const Now& now);

}  // namespace msgq::transport::memory
