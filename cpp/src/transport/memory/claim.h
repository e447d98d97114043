// Cuts claims from the lanes of a queue: what lapsed first, then what was returned, then what waits.
// Suspects of killing their worker are given one at a time, to a process that holds nothing else.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Appends what `wish` gets to `out`; at least one message when there is any that may be given.
void claim(State& state, const Caller& caller, const ClaimWish& wish, const Now& now,
           ClaimAnswer& out);

}  // namespace msgq::transport::memory
