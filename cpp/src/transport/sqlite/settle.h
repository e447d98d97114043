// Ends claims by what was decided, by giving back, or by extending them. The whole key is the
// fence: what does not name an open claim changes nothing.
//
// Threads: inside a write transaction of the store.
#pragma once

#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// False when the claim is no longer open; then nothing has changed.
bool settle(Store& store, const SettleOrder& order);
bool extend(Store& store, const ExtendOrder& order);
// Nothing when the claim is no longer open.
void start(Store& store, const StartOrder& order);
// Makes what is left of an open claim claimable again; `counts` keeps its attempt.
void lapse(Store& store, ClaimRow row, bool counts);

}  // namespace msgq::transport::sqlite
