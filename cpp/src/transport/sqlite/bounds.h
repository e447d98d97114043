// How many messages a queue may hold, held against what a transaction is about to bring.
//
// Threads: that of the connection.
#pragma once

#include <vector>

#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// Throws QueueFull when a queue would hold more than it may; where that is so set, its oldest
// waiting messages make room. Settles of the transaction come first. `duplicates`: what was left
// out of it before.
void make_room(Store& store, const Exchange& in, const std::vector<Duplicate>& duplicates);

// The oldest that wait of a subscription go until it has no more before it than it may. How many.
std::uint64_t drop_beyond(Store& store, const Queue& subscription);

}  // namespace msgq::transport::sqlite
