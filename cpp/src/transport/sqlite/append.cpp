#include "transport/sqlite/append.h"

#include <map>
#include <utility>

namespace msgq::transport::sqlite {
namespace {

void append_to(Store& store, std::int64_t lane, const BlockPtr& block) {
  store.blocks.append(lane, store.counter.draw(), block, store.author,
                      store.counter.stamp(store.now.wall_ms));
}

// Whether `message` can join the parcel: consecutive id, otherwise alike.
bool continues(const Parcel& parcel, const StoredMessage& message) {
  return message.id == parcel.first_id.plus(parcel.count()) &&
         parcel.is_like(Parcel::like(message.view()));
}

}  // namespace

void append(Store& store, const Append& order) {
  Queue& queue = store.require_queue(order.queue);
  store.totals.change(queue.subscription).sent += order.block->count();
  append_to(store, store.directory.make_main(queue, order.band, store.counter), order.block);
}

void park(Store& store, const Park& order) {
  Queue& queue = store.require_queue(order.queue);
  Totals& change = store.totals.change(queue.subscription);
  ++change.sent;
  ++change.parked;
  store.parked.add({store.counter.draw(), order.message, queue.id, 0, ParkKind::kDelay,
                    order.due_ms, store.now.wall_ms});
}

// A block of one band in the making.
struct Returning {
  std::vector<Parcel> parcels;
  std::size_t count = 0, bytes = 0;
};

void return_all(Store& store, Queue& queue, const std::vector<StoredMessage>& messages) {
  std::map<std::uint8_t, Returning> open;
  const auto flush = [&](std::uint8_t band, Returning& some) {
    // A message of a key that was never taken out of its lane goes to the end of its order.
    const bool is_last = is_keyed(band) && some.parcels.front().view(0).place.seq == 0;
    Directory& lanes = store.directory;
    append_to(store,
              is_last ? lanes.make_main(queue, band, store.counter)
                      : lanes.make_returned(queue, band, store.counter),
              Block::build(std::move(some.parcels), store.now.wall_ms));
    some = {};
  };
  for (const StoredMessage& message : messages) {
    Returning& some = open[message.band()];
    const std::size_t size = message.body.size() + message.headers.size() + message.history.size();
    const bool is_full = some.count == store.rules.block_count_max ||
                         some.bytes + size > store.rules.block_bytes_max;
    if (is_full && some.count > 0) flush(message.band(), some);
    if (some.parcels.empty() || !continues(some.parcels.back(), message))
      some.parcels.push_back(Parcel::like(message.view()));
    some.parcels.back().add(message.view());
    ++some.count;
    some.bytes += size;
  }
  for (auto& [band, rest] : open) flush(band, rest);
}

std::uint32_t promote(Store& store, std::uint32_t count_max) {
  free_lost_keys(store);
  std::map<std::int64_t, std::vector<StoredMessage>> by_queue;
  std::uint32_t count = 0;
  for (ParkedRow& row : store.parked.read_due(store.now.wall_ms, count_max)) {
    const Queue* queue = store.directory.of_id(row.queue);
    if (queue == nullptr) continue;  // deleted with its parked messages; cannot happen
    auto& messages = by_queue[row.queue];
    if (row.message.key.empty()) {
      store.parked.remove(row.number);
      messages.push_back(std::move(row.message));
      ++count;
      continue;
    }
    if (count >= count_max) break;  // a chunk is more than a row
    for (StoredMessage& each : take_chunk(store, *queue, row)) {
      messages.push_back(std::move(each));
      ++count;
    }
  }
  for (const auto& [id, messages] : by_queue) {
    Queue& queue = *store.directory.of_id(id);
    store.totals.change(queue.subscription).parked -= static_cast<std::int64_t>(messages.size());
    return_all(store, queue, messages);
  }
  return count;
}

}  // namespace msgq::transport::sqlite
