// Cuts claims from the lanes of a queue, priority by priority: of each what lapsed first, then what
// was returned, then what waits. Suspects of killing their worker are given one at a time, to a
// process that holds nothing else.
//
// Threads: inside a write transaction of the store.
#pragma once

#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// Answers each wish in its order; at least one message when there is any that may be given. Wishes
// that continue share the room of the one before.
void claim_all(Store& store, const std::vector<ClaimWish>& wishes, std::vector<ClaimAnswer>& out);

// Whether the blocks of a lapsed row are all there: ordinals would otherwise name other messages.
// Reports it once when not.
bool is_complete(Store& store, const Queue& queue, const ClaimRow& row);

// Whether something of a lane was never claimed.
bool has_waiting(Store& store, const Queue& queue, std::int64_t lane);

}  // namespace msgq::transport::sqlite
