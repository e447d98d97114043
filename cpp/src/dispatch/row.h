// Of a key that one slot runs in a row, nothing is done behind a message that is to be tried again,
// or that nobody here can decide, whatever whoever settles the lot says.
//
// Threads: whoever settles the lot.
#pragma once

#include <vector>

#include "dispatch/lot.h"

namespace msgq {

// The decisions on a lot, with those on what follows in rows of a key: behind a retry it goes
// behind it, what is left, or lost with its claim, leaves it to its lease.
std::vector<Decision> with_followers(SpanLot& lot, std::vector<Decision> decisions);

}  // namespace msgq
