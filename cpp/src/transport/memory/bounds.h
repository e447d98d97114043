// How many messages a queue may hold, held against what an exchange is about to bring.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <vector>

#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Throws QueueFull, and nothing has happened, when a queue would hold more than it may. `fresh`:
// what is stored of the exchange, without its `duplicates`.
void check_lengths(State& state, const Exchange& in, const Exchange& fresh,
                   const std::vector<Duplicate>& duplicates);
// The oldest that wait of a subscription go until it has no more before it than it may.
void drop_beyond(State& state, Queue& subscription);
// Where the oldest make room for others that is done now. REQUIRES: checked, and settled.
void drop_oldest(State& state, const Exchange& in);

}  // namespace msgq::transport::memory
