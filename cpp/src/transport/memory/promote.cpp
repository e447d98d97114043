#include "transport/memory/promote.h"

#include <utility>

#include "transport/memory/keys.h"

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
  // Those of one band, in their order.
  std::map<std::uint8_t, std::pair<std::vector<Parcel>, std::uint64_t>> open;
  const auto flush = [&](std::uint8_t number) {
    auto& [parcels, bytes] = open[number];
    bytes = 0;
    Band& band = state.make_band(queue, number);
    // A message of a key that was never taken out of its lane goes to the end of its order.
    const bool is_last = is_keyed(number) && parcels.front().view(0).place.seq == 0;
    append(state, queue, is_last ? band.main : band.returned,
           Block::build(std::exchange(parcels, {}), now.wall_ms));
  };
  for (StoredMessage& message : messages) {
    auto& [parcels, bytes] = open[message.band()];
    Parcel parcel = to_parcel(queue, message);
    const bool is_full =
        parcels.size() == bounds.count_max || bytes + parcel.bytes() > bounds.bytes_max;
    if (is_full && !parcels.empty()) flush(message.band());
    bytes += parcel.bytes();
    parcels.push_back(std::move(parcel));
  }
  for (const auto& [number, rest] : open) flush(number);
}

std::uint32_t promote(State& state, std::uint32_t count_max, const BlockBounds& bounds,
                      const Now& now) {
  std::map<std::uint64_t, std::pair<Queue*, std::vector<StoredMessage>>> moved;  // by subscription
  std::uint32_t count = 0;
  while (count < count_max && !state.parked.empty()) {
    const auto& [due, parked] = *state.parked.begin();
    if (due.due_ms > now.wall_ms) break;
    auto& [queue, messages] = moved[parked.queue->subscription];
    queue = parked.queue;
    if (parked.message.key.empty()) {
      messages.push_back(unpark(state, due).message);
      ++count;
      continue;
    }
    for (StoredMessage& each : take_chunk(state, due, bounds.count_max, now)) {
      messages.push_back(std::move(each));
      ++count;
    }
  }
  for (auto& [subscription, batch] : moved)
    if (!batch.second.empty())
      return_all(state, *batch.first, std::move(batch.second), bounds, now);
  return count;
}

}  // namespace msgq::transport::memory
