// The memory of dedup ids of a queue.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/memory/state.h"
#include "transport/once.h"

namespace msgq::transport::memory {

// Those of messages that are about to be stored which are there before, as remember() would tell
// them; one that the exchange frees itself is not among them.
std::vector<Duplicate> find_remembered(const State& state, const Exchange& in, const Now& now);

// Remembers the ids of messages that are about to be stored; those that were there before are told.
std::vector<Duplicate> remember(State& state, const std::vector<OnceWish>& wishes, const Now& now);

// These messages are over, or about to start: their ids may come again, where they are remembered
// for so long.
void release(State& state, Queue& queue, const std::vector<MessageId>& messages);

// So is every message of the queue.
void release_all(State& state, Queue& queue);

// Forgets what is remembered of all queues for no longer; and all of one that goes.
void forget_old(State& state, const Now& now);
void forget_all(State& state, Queue& queue);

// What remembering these weighs: it counts as bytes of the store.
std::uint64_t bytes_of(const std::vector<OnceWish>& wishes);

}  // namespace msgq::transport::memory
