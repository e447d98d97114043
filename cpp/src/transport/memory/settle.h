// Ends claims: settles, extends, lapses and reclaims them. The gen is the fence: what does not name
// an open claim by its whole key changes nothing.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Ranges that are over: whoever calls frees them after the mutex, as blocks are large.
using Graveyard = std::vector<Range>;

bool is_open(const State& state, const ClaimKey& claim);
// False when the claim is no longer open; then nothing has changed.
bool settle(State& state, const SettleOrder& order, const Now& now, Graveyard& graveyard);
bool extend(State& state, const ExtendOrder& order);
void start(State& state, const StartOrder& order);

// The bounds of a message's own crashes.
struct CrashRule {
  std::uint32_t crashes_max = 3;
  std::int64_t window_ms = 72ll * 3'600'000;
};

// Lapses the claims of dead processes, whose messages become suspects, and those whose lease is
// over. Returns how many.
std::uint32_t reclaim(State& state, const CrashRule& rule, const Now& now, Graveyard& graveyard);

// Makes every open claim of `owner` claimable again, without an attempt counted.
void give_back_all(State& state, std::uint64_t owner);

// Lapses every open claim of a queue without an attempt counted.
void lapse_all(State& state, Queue& queue);

// How many messages, and how many bytes, `order` would take out of the store for good.
struct Freed {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};
Freed would_free(const State& state, const SettleOrder& order);

}  // namespace msgq::transport::memory
