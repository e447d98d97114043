// The order of keys. A message of a key that is parked holds back what comes behind it: that is
// parked too, and comes back in order, a chunk at a time, when everything of the key that came back
// before is decided.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Takes a parked message out. REQUIRES: it is there.
Parked unpark(State& state, Due due);

// Notes on a claimed message of this key and place whether it must wait for parked ones, or they
// for it.
void tell_away(const Queue& queue, std::string_view key, const KeyPlace& place,
               std::uint32_t ordinal, Claimed& told);

// Parks what goes behind others of its key.
void park_behind(State& state, Queue& queue, const SettleOrder::Back& back, const Now& now);

// Whether parked messages of a key wait for the one that stands here, which was never parked.
bool is_awaited(const Queue& queue, std::string_view key, const KeyPlace& place);

// So many messages were decided that parked ones of their keys wait for, named by hash; a key of
// which none is left comes back next.
void note_decided(State& state, Queue& queue, const std::vector<std::uint64_t>& hashes,
                  const Now& now);

// Lets the first parked message of a key come due, if nothing else holds it back.
void wake(State& state, Queue& queue, std::uint64_t hash, const Now& now);

// Takes out what may come back with the due message of a key: itself and those behind it, at most
// kKeyChunkMax. Nothing when it must wait for others; it is held back then.
std::vector<Parked> take_chunk(State& state, Due due, const Now& now);

// What the process has of the shards of keys of a queue, looked up now and then.
Share& share_of(const State& state, Queue& queue, std::uint64_t process, const Now& now);

// The process claims of the queue's keys, and found some of them: says so now and then, when others
// do, too, or have shards in their hands.
void say_it_claims(Queue& queue, std::uint64_t process, bool is_barred, const Now& now);

}  // namespace msgq::transport::memory
