// The memory of dedup ids of a queue.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <vector>

#include "transport/memory/state.h"
#include "transport/once.h"

namespace msgq::transport::memory {

// Remembers the ids of messages that are about to be stored; those that were there before are told.
std::vector<Duplicate> remember(State& state, const std::vector<OnceWish>& wishes, const Now& now);

// Which of them were there before; remembers nothing.
std::vector<Duplicate> find_duplicates(const State& state, const std::vector<OnceWish>& wishes,
                                       const Now& now);

// These messages are over, or about to start: their ids may come again, where they are remembered
// for so long.
void release(Queue& queue, const std::vector<MessageId>& messages);

// So is every message of the queue.
void release_all(Queue& queue);

}  // namespace msgq::transport::memory
