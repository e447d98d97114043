#include "transport/memory/state.h"

#include <algorithm>
#include <utility>

namespace msgq::transport::memory {

Queue* State::find_queue(std::string_view name) {
  const auto found = queues.find(name);
  return found == queues.end() ? nullptr : found->second.get();
}

Queue& State::make_queue(std::string_view name) {
  if (Queue* queue = find_queue(name)) return *queue;
  auto queue = std::make_unique<Queue>();
  queue->name = name;
  queue->totals.queue = name;
  queue->subscription = draw();
  return *queues.emplace(queue->name, std::move(queue)).first->second;
}

Band& State::make_band(Queue& queue, std::uint8_t number) {
  const auto [found, is_new] = queue.bands.try_emplace(number);
  Band& band = found->second;
  if (is_new) {
    band.main.number = draw();
    band.returned.number = draw();
    band.main.is_keyed = band.returned.is_keyed = is_keyed(number);
    band.returned.is_returned = true;
  }
  return band;
}

std::vector<const Lane*> lanes_of(const Queue& queue) {
  std::vector<const Lane*> out;
  for (const auto& [priority, band] : queue.bands)
    out.insert(out.end(), {&band.main, &band.returned});
  std::sort(out.begin(), out.end(),
            [](const Lane* a, const Lane* b) { return a->number < b->number; });
  return out;
}

std::int64_t waits_since(const Lane& lane) {
  std::int64_t oldest = 0;
  const auto look = [&](const Block& block, std::uint32_t index) {
    const std::int64_t ms = block.enqueued_ms(index);
    if (oldest == 0 || ms < oldest) oldest = ms;
  };
  if (!lane.waiting.empty()) look(*lane.waiting.front().block, lane.waiting.front().first);
  for (const auto* ranges : {&lane.lapsed, &lane.suspects})
    if (!ranges->empty()) {
      const auto [part, index] = ranges->front().locate(0);
      look(*part->block, index);
    }
  return oldest;
}

std::uint64_t bytes_of(const StoredMessage& m) {
  return m.body.size() + m.headers.size() + m.history.size() + m.type.size();
}

void append(State& state, Queue& queue, Lane& lane, BlockPtr block, std::uint32_t first) {
  const MessageId lowest = block->first_id();
  lane.disorder_ms = std::max(lane.disorder_ms, lane.highest.unix_ms() - lowest.unix_ms());
  lane.highest = std::max(lane.highest, block->last_id());
  queue.totals.waiting += block->count() - first;
  state.count += block->count() - first;
  state.bytes += block->body_bytes(first, block->count());
  lane.waiting.push_back({state.draw(), std::move(block), first, lane.highest});
}

void park(State& state, Queue& queue, std::int64_t due_ms, StoredMessage message, const Now& now,
          bool is_sent) {
  const Due due{due_ms, state.draw()};
  queue.parked.emplace(std::pair(message.id, due.number), due);
  ++queue.totals.parked;
  ++state.count;
  state.bytes += bytes_of(message);
  if (!message.key.empty())
    queue.away_keys[hash_of(message.key)].parked.emplace(std::pair(message.place, due.number), due);
  state.parked.emplace(due, Parked{&queue, std::move(message), now.wall_ms, is_sent});
}

void bury(State& state, Queue& queue, DeadLetter letter) {
  const std::uint64_t number = state.draw();
  queue.dead_ids.emplace(letter.message.id, number);
  ++queue.totals.dead;
  ++state.count;
  state.bytes += bytes_of(letter.message);
  queue.dead_letters.emplace(number, std::move(letter));
}

}  // namespace msgq::transport::memory
