#include "transport/memory/promote.h"

#include <utility>

namespace msgq::transport::memory {
namespace {

// A message that has lived keeps its own id, so it is a parcel of its own.
Parcel to_parcel(const Queue& queue, const StoredMessage& message) {
  Parcel parcel = Parcel::like(message.view());
  parcel.queue = queue.name;
  parcel.add(message.view());
  return parcel;
}

}  // namespace

void return_all(State& state, Queue& queue, std::vector<StoredMessage> messages,
                const BlockBounds& bounds, const Now& now) {
  // Those of one priority, in their order.
  std::map<std::uint8_t, std::pair<std::vector<Parcel>, std::uint64_t>> open;
  const auto flush = [&](std::uint8_t priority) {
    auto& [parcels, bytes] = open[priority];
    bytes = 0;
    append(state, queue, state.make_band(queue, priority).returned,
           Block::build(std::exchange(parcels, {}), now.wall_ms));
  };
  for (StoredMessage& message : messages) {
    auto& [parcels, bytes] = open[message.priority];
    Parcel parcel = to_parcel(queue, message);
    const bool is_full =
        parcels.size() == bounds.count_max || bytes + parcel.bytes() > bounds.bytes_max;
    if (is_full && !parcels.empty()) flush(message.priority);
    bytes += parcel.bytes();
    parcels.push_back(std::move(parcel));
  }
  for (const auto& [priority, rest] : open) flush(priority);
}

std::uint32_t promote(State& state, std::uint32_t count_max, const BlockBounds& bounds,
                      const Now& now) {
  std::map<std::uint64_t, std::pair<Queue*, std::vector<StoredMessage>>> moved;  // by subscription
  std::uint32_t count = 0;
  for (; count < count_max && !state.parked.empty(); ++count) {
    const auto row = state.parked.begin();
    if (row->first.due_ms > now.wall_ms) break;
    Queue& queue = *row->second.queue;
    StoredMessage& message = row->second.message;
    queue.parked.erase({message.id, row->first.number});
    --queue.totals.parked;
    --state.count;
    state.bytes -= bytes_of(message);
    auto& [owner, messages] = moved[queue.subscription];
    owner = &queue;
    messages.push_back(std::move(message));
    state.parked.erase(row);
  }
  for (auto& [subscription, batch] : moved)
    return_all(state, *batch.first, std::move(batch.second), bounds, now);
  return count;
}

}  // namespace msgq::transport::memory
