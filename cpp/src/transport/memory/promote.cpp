#include "transport/memory/promote.h"

#include <utility>

#include "transport/memory/keys.h"
#include "transport/memory/subscriptions.h"

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

std::vector<std::pair<std::uint8_t, BlockPtr>> blocks_of(const Queue& queue,
                                                         const std::vector<StoredMessage>& messages,
                                                         const BlockBounds& bounds,
                                                         const Now& now) {
  std::vector<std::pair<std::uint8_t, BlockPtr>> out;
  // Those of one band, in their order.
  std::map<std::uint8_t, std::pair<std::vector<Parcel>, std::uint64_t>> open;
  const auto flush = [&](std::uint8_t number) {
    auto& [parcels, bytes] = open[number];
    bytes = 0;
    out.emplace_back(number, Block::build(std::exchange(parcels, {}), now.wall_ms));
  };
  for (const StoredMessage& message : messages) {
    auto& [parcels, bytes] = open[message.band()];
    Parcel parcel = to_parcel(queue, message);
    const bool is_full =
        parcels.size() == bounds.count_max || bytes + parcel.bytes() > bounds.bytes_max;
    if (is_full && !parcels.empty()) flush(message.band());
    bytes += parcel.bytes();
    parcels.push_back(std::move(parcel));
  }
  for (const auto& [number, rest] : open) flush(number);
  return out;
}

void return_all(State& state, Queue& queue, const std::vector<StoredMessage>& messages,
                const BlockBounds& bounds, const Now& now) {
  for (auto& [number, block] : blocks_of(queue, messages, bounds, now)) {
    Band& band = state.make_band(queue, number);
    // A message of a key that was never taken out of its lane goes to the end of its order.
    const bool is_last = is_keyed(number) && block->view(0).place.seq == 0;
    append(state, queue, is_last ? band.main : band.returned, std::move(block));
  }
}

namespace {

// What comes due of one queue: what nobody has seen, its subscriptions get now; of a topic they
// alone, else all goes back.
struct Moved {
  Queue* queue = nullptr;
  std::vector<StoredMessage> back, unseen;

  void add(StoredMessage message, bool is_unseen) {
    if (is_unseen) unseen.push_back(message);
    if (!is_unseen || !queue->settings.is_topic) back.push_back(std::move(message));
  }
};

void bring_back(State& state, Moved& moved, const BlockBounds& bounds, const Now& now) {
  Queue& queue = *moved.queue;
  publish_all(state, queue, moved.unseen, bounds, now);
  return_all(state, queue, moved.back, bounds, now);
  if (!queue.settings.is_topic) return;
  // Of a topic they are done once its subscriptions have them.
  queue.totals.done += moved.unseen.size();
  for (const StoredMessage& each : moved.unseen)
    if (!each.key.empty()) note_decided(state, queue, {hash_of(each.key)}, now);
}

}  // namespace

std::uint32_t promote(State& state, std::uint32_t count_max, const BlockBounds& bounds,
                      const Now& now) {
  std::map<std::uint64_t, Moved> moved;  // by subscription
  std::uint32_t count = 0;
  while (count < count_max && !state.parked.empty()) {
    const auto& [due, parked] = *state.parked.begin();
    if (due.due_ms > now.wall_ms) break;
    Moved& of = moved[parked.queue->subscription];
    of.queue = parked.queue;
    std::vector<Parked> taken;
    if (parked.message.key.empty())
      taken.push_back(unpark(state, due));
    else
      taken = take_chunk(state, due, now);
    for (Parked& each : taken) {
      of.add(std::move(each.message), each.is_sent);
      ++count;
    }
  }
  for (auto& [subscription, each] : moved)
    if (each.queue != nullptr) bring_back(state, each, bounds, now);
  return count;
}

}  // namespace msgq::transport::memory
