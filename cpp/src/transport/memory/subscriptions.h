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

// Forgets what is older than the retention of its queue, and that nobody has to read any more.
void trim_logs(State& state, const Now& now);
// The queue is about to go.
void forget_log(State& state, Queue& queue);

// See Look.
bool subscribe(State& state, std::string_view queue, std::string_view name, const Start& start,
               const Now& now);
std::uint64_t seek(State& state, Queue& subscription, const Start& start, const Now& now);

// A message sent to this queue is one for so many to read.
inline std::size_t copies(const Queue& queue) {
  return queue.readers.size() + (queue.settings.is_topic ? 0 : 1);
}
// Its bytes count so many times.
inline std::size_t weights(const Queue& queue) {
  return copies(queue) + (queue.settings.retention_ms > 0 ? 1 : 0);
}

}  // namespace msgq::transport::memory
