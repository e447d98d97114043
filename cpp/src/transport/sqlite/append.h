// Puts blocks at the end of lanes and messages into the parking table.
//
// Threads: inside a write transaction of the store.
#pragma once

#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// Appends to the queue's lane of that priority; makes what is new. Counts as sent.
void append(Store& store, const Append& order);
// Holds one message back until it is due. Counts as sent.
void park(Store& store, const Park& order);
// Puts messages that lived outside blocks (parked, dead) at the end of a queue's return lanes, in
// blocks within the rules' bounds. Totals are the caller's.
void return_all(Store& store, Queue& queue, const std::vector<StoredMessage>& messages);
// Moves at most `count_max` due messages back into lanes; how many.
std::uint32_t promote(Store& store, std::uint32_t count_max);

}  // namespace msgq::transport::sqlite
