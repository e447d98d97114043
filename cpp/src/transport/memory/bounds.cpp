#include "transport/memory/bounds.h"

#include <algorithm>

#include "transport/memory/dedup.h"
#include "transport/memory/settle.h"

namespace msgq::transport::memory {
namespace {

std::map<std::string_view, std::uint64_t> counts_of(const Exchange& in) {
  std::map<std::string_view, std::uint64_t> out;
  for (const auto& each : in.appends) out[each.queue] += each.block->count();
  for (const auto& each : in.parks) ++out[each.queue];
  return out;
}

std::uint64_t held_of(const Queue& queue) {
  return queue.totals.waiting + queue.totals.leased + queue.totals.parked;
}

// Lanes whose messages may make room. Those of keys never do: who comes behind would be taken for
// the first of its key.
std::vector<Lane*> lanes_to_drop(Queue& queue) {
  std::vector<Lane*> out;
  for (auto& [number, band] : queue.bands)
    if (!is_keyed(number)) out.insert(out.end(), {&band.main, &band.returned});
  return out;
}

std::uint64_t droppable(Queue& queue) {
  std::uint64_t count = 0;
  for (const Lane* lane : lanes_to_drop(queue))
    for (const Waiting& each : lane->waiting) count += each.block->count() - each.first;
  return count;
}

std::uint64_t freed_of(const State& state, const Queue& queue, const Exchange& in) {
  std::uint64_t count = 0;
  for (const auto& order : in.settles) {
    const auto claim = state.open.find(order.claim.gen);
    if (claim != state.open.end() && claim->second.queue == &queue &&
        claim->second.key == order.claim)
      count += would_free(state, order).count + order.deads.size();
  }
  return count;
}

// Whose next message was stored first.
Lane* oldest_of(const std::vector<Lane*>& lanes) {
  Lane* oldest = nullptr;
  for (Lane* lane : lanes)
    if (!lane->waiting.empty() &&
        (oldest == nullptr || lane->waiting.front().seq < oldest->waiting.front().seq))
      oldest = lane;
  return oldest;
}

void drop(State& state, Queue& queue, std::uint64_t count) {
  const std::vector<Lane*> lanes = lanes_to_drop(queue);
  while (count > 0) {
    Lane* lane = oldest_of(lanes);
    if (lane == nullptr) return;
    Waiting& front = lane->waiting.front();
    const auto some = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(count, front.block->count() - front.first));
    for (std::uint32_t i = 0; front.block->has_once() && i < some; ++i)
      release(state, queue, {front.block->view(front.first + i).id});
    state.bytes -= front.block->body_bytes(front.first, front.first + some);
    state.count -= some;
    queue.totals.waiting -= some;
    queue.totals.purged += some;
    front.first += some;
    count -= some;
    if (front.first == front.block->count()) lane->waiting.pop_front();
  }
}

}  // namespace

void check_lengths(State& state, const Exchange& in, const Exchange& fresh,
                   const std::vector<Duplicate>& duplicates) {
  for (const auto& [name, count] : counts_of(fresh)) {
    Queue* queue = state.find_queue(name);
    if (queue == nullptr || queue->settings.length_max == 0) continue;
    std::uint64_t held = held_of(*queue) - freed_of(state, *queue, in);
    const std::uint64_t most = queue->settings.length_max;
    if (held + count > most && queue->settings.overflow == Overflow::kDropOldest)
      held -= std::min(held + count - most, droppable(*queue));
    if (held + count > most) throw QueueFull(queue->name, held, queue->settings, duplicates);
  }
}

void drop_beyond(State& state, Queue& subscription) {
  const QueueSettings& set = subscription.settings;
  if (set.length_max == 0 || set.overflow != Overflow::kDropOldest) return;
  const std::uint64_t held = held_of(subscription);
  if (held > set.length_max) drop(state, subscription, held - set.length_max);
}

void drop_oldest(State& state, const Exchange& in) {
  for (const auto& [name, count] : counts_of(in)) {
    Queue* queue = state.find_queue(name);
    if (queue == nullptr || queue->settings.length_max == 0) continue;
    if (queue->settings.overflow != Overflow::kDropOldest) continue;
    const std::uint64_t held = held_of(*queue) + count;
    if (held > queue->settings.length_max) drop(state, *queue, held - queue->settings.length_max);
  }
}

}  // namespace msgq::transport::memory
