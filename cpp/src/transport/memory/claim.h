// Cuts claims from the lanes of a queue, priority by priority: of each what lapsed first, then what
// was returned, then what waits. Suspects of killing their worker are given one at a time, to a
// process that holds nothing else.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Answers all wishes of one exchange, in order: at least one message each, when there is any that
// may be given and the wish shares no room that is spent.
void claim_all(State& state, const Caller& caller, const std::vector<ClaimWish>& wishes,
               const Now& now, std::vector<ClaimAnswer>& out);

}  // namespace msgq::transport::memory
