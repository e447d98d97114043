// Changes a store on an operator's wish: redrive, delete, purge. Large changes come in steps, each
// short enough for those who wait.
//
// Threads: inside a write transaction of the store.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// Sends dead letters again with fresh counts: those of `ids`, or of those numbered up to `newest`
// the oldest thousand. How many.
std::uint64_t redrive_some(Store& store, Queue& queue, const std::vector<MessageId>& ids,
                           std::int64_t newest);
std::uint64_t delete_dead_some(Store& store, Queue& queue, const std::vector<MessageId>& ids,
                               std::int64_t newest);
// See Look.
std::uint64_t edit_dead(Store& store, Queue& queue, const DeadEdit& edit);
// Removes the oldest dead letters of those that died before that, at most so many. How many.
std::uint32_t forget_dead(Store& store, std::int64_t before_ms, std::uint32_t limit);
// Removes what waits, is parked or leased: claims are lost at once, positions go behind everything,
// the blocks go with sweep_some(). How many messages.
std::uint64_t purge(Store& store, Queue& queue);
// See Look.
std::uint64_t cancel(Store& store, Queue& queue, const std::vector<MessageId>& ids);
std::uint64_t reschedule(Store& store, Queue& queue, const std::vector<MessageId>& ids,
                         std::int64_t due_ms);
// The first block of a lane that the queue, or subscription, still needs.
std::int64_t floor_of(Store& store, const Queue& queue, std::int64_t lane);
// Deletes some blocks of a queue that lie below every claim and position. True: there may be more.
bool sweep_some(Store& store, const Queue& queue);
// Removes a purged queue, with its subscriptions.
void remove_queue(Store& store, Queue& queue);
// See Look. The directory is forgotten.
void rename_queue(Store& store, const Queue& queue, std::string_view name);

}  // namespace msgq::transport::sqlite
