#include "transport/sqlite/append.h"

#include <map>
#include <utility>

#include "transport/sqlite/subscriptions.h"

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
  if (queue.source != 0)
    refuse_send(queue.name, store.directory.of_id(queue.source)->source_name());
  publish(store, queue, order.band, order.block);
  if (queue.settings.is_topic) return;
  store.totals.change(queue.subscription).sent += order.block->count();
  append_to(store, store.directory.make_main(queue, order.band, store.counter), order.block);
}

void park(Store& store, const Park& order) {
  Queue& queue = store.require_queue(order.queue);
  if (queue.source != 0)
    refuse_send(queue.name, store.directory.of_id(queue.source)->source_name());
  Totals& change = store.totals.change(queue.subscription);
  ++change.sent;
  ++change.parked;
  store.parked.add({store.counter.draw(), order.message, queue.id, 0, ParkKind::kDelay,
                    order.due_ms, store.now.wall_ms});
}

namespace {

// A block of one band in the making.
struct Returning {
  std::vector<Parcel> parcels;
  std::size_t count = 0, bytes = 0;
};

using BandBlocks = std::vector<std::pair<std::uint8_t, BlockPtr>>;

// Blocks of these messages, with their bands.
BandBlocks blocks_of(const Store& store, const std::vector<StoredMessage>& messages) {
  BandBlocks out;
  std::map<std::uint8_t, Returning> open;
  const auto flush = [&](std::uint8_t band, Returning& some) {
    out.emplace_back(band, Block::build(std::move(some.parcels), store.now.wall_ms));
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
  return out;
}

// Nobody appends to the main lanes of a subscription, which are its log's: what would go to the end
// of the order of its key comes back, and the key waits for it.
bool goes_last(Store& store, const Queue& queue, std::uint8_t band, const Block& block) {
  if (!is_keyed(band) || block.view(0).place.seq != 0) return false;
  if (queue.source == 0) return true;
  for (std::uint32_t i = 0; i < block.count(); ++i)
    store.away_keys.add_in_lane(queue.id, hash_of(block.view(i).key), 1);
  return false;
}

// What comes due of one queue: what nobody has seen, its subscriptions get now; of a topic they
// alone, else all goes back.
struct Moved {
  std::vector<StoredMessage> back, unseen;
  std::int64_t count = 0;

  void add(StoredMessage message, bool is_unseen, const Queue& queue) {
    ++count;
    if (is_unseen) unseen.push_back(message);
    if (!is_unseen || !queue.settings.is_topic) back.push_back(std::move(message));
  }
};

void bring_back(Store& store, Queue& queue, const Moved& moved) {
  store.totals.change(queue.subscription).parked -= moved.count;
  if (queue.log != 0)
    for (const auto& [band, block] : blocks_of(store, moved.unseen))
      publish(store, queue, band, block);
  return_all(store, queue, moved.back);
  if (!queue.settings.is_topic) return;
  // Of a topic they are done once its subscriptions have them.
  store.totals.change(queue.subscription).done += static_cast<std::int64_t>(moved.unseen.size());
  std::vector<std::uint64_t> hashes;
  for (const StoredMessage& each : moved.unseen)
    if (!each.key.empty()) hashes.push_back(hash_of(each.key));
  note_decided(store, queue, hashes);
}

}  // namespace

void return_all(Store& store, Queue& queue, const std::vector<StoredMessage>& messages) {
  for (const auto& [band, block] : blocks_of(store, messages))
    append_to(store,
              goes_last(store, queue, band, *block)
                  ? store.directory.make_main(queue, band, store.counter)
                  : store.directory.make_returned(queue, band, store.counter),
              block);
}

std::uint32_t promote(Store& store, std::uint32_t count_max) {
  free_lost_keys(store);
  std::map<std::int64_t, Moved> by_queue;
  std::uint32_t count = 0;
  for (ParkedRow& row : store.parked.read_due(store.now.wall_ms, count_max)) {
    const Queue* queue = store.directory.of_id(row.queue);
    if (queue == nullptr) continue;  // deleted with its parked messages; cannot happen
    Moved& moved = by_queue[row.queue];
    if (row.message.key.empty()) {
      store.parked.remove(row.number);
      moved.add(std::move(row.message), row.subscription == 0, *queue);
      ++count;
      continue;
    }
    if (count >= count_max) break;  // a chunk is more than a row
    for (StoredMessage& each : take_chunk(store, *queue, row)) {
      const bool is_unseen = each.place.seq == 0;
      moved.add(std::move(each), is_unseen, *queue);
      ++count;
    }
  }
  for (const auto& [id, moved] : by_queue)
    if (moved.count > 0) bring_back(store, *store.directory.of_id(id), moved);
  return count;
}

}  // namespace msgq::transport::sqlite
