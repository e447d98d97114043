#include "transport/sqlite/bounds.h"

#include <algorithm>
#include <map>
#include <optional>

#include "transport/sqlite/subscriptions.h"

namespace msgq::transport::sqlite {
namespace {

// A lane from which messages are dropped: where what waits begins now, and began before.
struct DropLane {
  std::int64_t lane = 0;
  Newest newest;
  Place at;
};

// Those of keys never make room: who comes behind would be taken for the first of its key.
std::vector<DropLane> fronts_of(Store& store, const Queue& queue) {
  std::vector<DropLane> out;
  for (const auto& [number, band] : queue.bands)
    for (const std::int64_t lane : {band.main, band.returned}) {
      if (lane == 0 || is_keyed(number)) continue;
      const Newest newest = store.claims.read_newest(queue.subscription, lane);
      out.push_back({lane, newest, newest.position});
    }
  return out;
}

// The first block that is behind the front, if any: its seq, and how many messages.
std::optional<Candidate> first_of(Store& store, const DropLane& front) {
  auto scan = store.blocks.scan(front.lane, front.at.seq);
  while (scan.next())
    if (scan.seq() > front.at.seq || scan.count() > front.at.index)
      return Candidate{scan.seq(), scan.count()};
  return std::nullopt;
}

// What is dropped frees its dedup id, where that is remembered until it is done.
void release(Store& store, const Queue& queue, const DropLane& front, std::int64_t seq,
             std::int64_t from, std::int64_t to) {
  const BlockPtr block = store.blocks.read(front.lane, seq).block;
  if (block == nullptr || !block->has_once()) return;
  std::vector<MessageId> ids;
  for (std::int64_t i = from; i < to; ++i)
    ids.push_back(block->view(static_cast<std::uint32_t>(i)).id);
  store.dedup.release(queue.id, ids);
}

// Drops up to `most` messages off the first block. How many.
std::uint64_t drop_front(Store& store, const Queue& queue, DropLane& front, const Candidate& block,
                         std::uint64_t most) {
  const std::int64_t index = block.seq == front.at.seq ? front.at.index : 0;
  const std::int64_t left = block.count - index;
  const std::int64_t count = std::min(left, static_cast<std::int64_t>(most));
  release(store, queue, front, block.seq, index, index + count);
  front.at = count == left ? Place{block.seq + 1, 0} : Place{block.seq, index + count};
  store.claims.note_edge(queue.subscription, front.lane, block.seq);
  return static_cast<std::uint64_t>(count);
}

void move_position(Store& store, const Queue& queue, const DropLane& front) {
  ClaimRow seek;
  seek.subscription = queue.subscription;
  seek.lane = front.lane;
  seek.gen = store.counter.draw();
  seek.owner = store.author.owner;
  seek.kind = ClaimKind::kSeek;
  seek.state = ClaimState::kSettled;
  seek.from = seek.to = seek.position = front.at;
  store.claims.insert(seek, front.newest);
}

// Drops so many of the messages that were stored first and never claimed. How many there were.
std::uint64_t drop_oldest(Store& store, const Queue& queue, std::uint64_t count) {
  std::vector<DropLane> fronts = fronts_of(store, queue);
  std::uint64_t dropped = 0;
  while (dropped < count) {
    DropLane* oldest = nullptr;
    Candidate block;
    for (DropLane& front : fronts)
      if (const auto first = first_of(store, front))
        if (oldest == nullptr || first->seq < block.seq) oldest = &front, block = *first;
    if (oldest == nullptr) break;
    dropped += drop_front(store, queue, *oldest, block, count - dropped);
  }
  for (const DropLane& front : fronts)
    if (front.at != front.newest.position) move_position(store, queue, front);
  store.totals.change(queue.subscription).purged += static_cast<std::int64_t>(dropped);
  return dropped;
}

void make_room(Store& store, const Queue& queue, std::uint64_t count,
               const std::vector<Duplicate>& duplicates) {
  const Totals totals = totals_of(store, queue);
  auto held = static_cast<std::uint64_t>(totals.waiting() + totals.leased + totals.parked);
  const std::uint64_t most = queue.settings.length_max;
  if (held + count > most && queue.settings.overflow == Overflow::kDropOldest)
    held -= drop_oldest(store, queue, held + count - most);
  if (held + count > most) throw QueueFull(queue.name, held, queue.settings, duplicates);
}

}  // namespace

std::uint64_t drop_beyond(Store& store, const Queue& subscription) {
  const QueueSettings& set = subscription.settings;
  if (set.length_max == 0 || set.overflow != Overflow::kDropOldest) return 0;
  const Totals totals = totals_of(store, subscription);
  const auto held = static_cast<std::uint64_t>(totals.waiting() + totals.leased + totals.parked);
  return held > set.length_max ? drop_oldest(store, subscription, held - set.length_max) : 0;
}

void make_room(Store& store, const Exchange& in, const std::vector<Duplicate>& duplicates) {
  std::map<std::string_view, std::uint64_t> counts;
  for (const auto& each : in.appends) counts[each.queue] += each.block->count();
  for (const auto& each : in.parks) ++counts[each.queue];
  for (const auto& [name, count] : counts) {
    const Queue* queue = store.directory.find(name);
    if (queue != nullptr && queue->settings.length_max > 0)
      make_room(store, *queue, count, duplicates);
  }
}

}  // namespace msgq::transport::sqlite
