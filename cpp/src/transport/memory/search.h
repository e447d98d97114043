// Reads a memory store without changing it: depth, pages of messages, one message by its id.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "transport/memory/state.h"

namespace msgq::transport::memory {

// The totals of a queue with the time of its oldest waiting message.
QueueDepth depth_of(const Queue& queue);

// Up to `limit` messages behind the cursor `after`: those in lanes in the order they were appended,
// then parked ones by age. Throws kConfigInvalid when `after` is no cursor of ours.
std::vector<FoundMessage> peek(const State& state, const Queue& queue, std::string_view after,
                               std::uint32_t limit);

// Looks only at blocks whose ids span `id`; never through the whole queue.
std::optional<FoundMessage> find(const State& state, const Queue& queue, MessageId id);

// Up to `limit` dead letters behind the cursor `after`, newest last; of all queues when `queue` is
// nullptr.
std::vector<FoundMessage> list_dead(const State& state, const Queue* queue, std::string_view after,
                                    std::uint32_t limit);

}  // namespace msgq::transport::memory
