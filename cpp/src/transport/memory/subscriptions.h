// Subscriptions of a queue: each is a queue of its own by the name `queue@name`, whose lanes are
// given every block that the queue is sent; blocks are shared.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "transport/memory/promote.h"
#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Gives a block to all subscriptions of the queue, and keeps it for those that go back.
void publish(State& state, Queue& queue, std::uint8_t band, const BlockPtr& block, const Now& now);
// So with messages that were delayed and are due now, in blocks within `bounds`.
void publish_all(State& state, Queue& queue, const std::vector<StoredMessage>& messages,
                 const BlockBounds& bounds, const Now& now);

// See Look.
bool subscribe(State& state, std::string_view queue, std::string_view name, const Start& start,
               const Now& now);
std::uint64_t seek(State& state, Queue& subscription, const Start& start, const Now& now);

// What is sent to this queue is stored so many times more.
inline std::size_t copies(const Queue& queue) {
  return queue.readers.size() + (queue.settings.is_topic ? 0 : 1);
}

}  // namespace msgq::transport::memory
