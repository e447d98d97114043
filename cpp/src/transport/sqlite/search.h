// Reads a store without changing it: depth, pages of messages, one message by its id.
//
// Threads: inside a read transaction of the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// The totals of a queue with the time of its oldest waiting message.
QueueDepth depth_of(Store& store, const Queue& queue);

// Up to `limit` messages behind the cursor `after`: those in lanes in the order they were appended,
// then parked ones by id. Throws kConfigInvalid when `after` is no cursor of ours.
std::vector<FoundMessage> peek(Store& store, const Queue& queue, std::string_view after,
                               std::uint32_t limit);

// Looks at the headers of blocks written about when the id was made; never through the whole queue.
std::optional<FoundMessage> find(Store& store, const Queue& queue, MessageId id);

// Up to `limit` dead letters behind the cursor `after`, newest last; of all queues when `queue` is
// nullptr.
std::vector<FoundMessage> list_dead(Store& store, const Queue* queue, std::string_view after,
                                    std::uint32_t limit);

}  // namespace msgq::transport::sqlite
