// Changes a memory store on an operator's wish: redrive, delete, purge.
//
// Threads: guarded by the mutex of the MemoryStore that owns the state.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/memory/promote.h"
#include "transport/memory/state.h"

namespace msgq::transport::memory {

// Sends dead letters again with fresh counts; all when `ids` is empty. How many.
std::uint64_t redrive(State& state, Queue& queue, const std::vector<MessageId>& ids,
                      const BlockBounds& bounds, const Now& now);
std::uint64_t delete_dead(State& state, Queue& queue, const std::vector<MessageId>& ids);
// See Look.
std::uint64_t edit_dead(State& state, Queue& queue, const DeadEdit& edit, const BlockBounds& bounds,
                        const Now& now);
// Removes the oldest dead letters of those that died before that, at most so many. How many.
std::uint32_t forget_dead(State& state, std::int64_t before_ms, std::uint32_t limit);
// Removes what waits, is parked or is leased; open claims are lost. How many.
std::uint64_t purge(State& state, Queue& queue);
// See Look.
std::uint64_t cancel(State& state, Queue& queue, const std::vector<MessageId>& ids, const Now& now);
std::uint64_t reschedule(State& state, Queue& queue, const std::vector<MessageId>& ids,
                         std::int64_t due_ms);
void delete_queue(State& state, Queue& queue);
void rename_queue(State& state, Queue& queue, std::string_view name);

}  // namespace msgq::transport::memory
