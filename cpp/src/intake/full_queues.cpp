#include "intake/full_queues.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace msgq {
namespace {

// How long waiting parcels wait before they are tried again.
constexpr Nanos kGapMin = std::chrono::milliseconds(2), kGapMax = std::chrono::milliseconds(50);

}  // namespace

void FullQueues::note(const transport::QueueFull& full) {
  const auto found = queues_.find(full.queue);
  Full& queue =
      found != queues_.end()
          ? found->second
          : queues_.emplace(full.queue, Full{full, {}, 0, 0, true, {}, {}, {}}).first->second;
  queue.error = full;
  queue.settings = full.settings;
  queue.room = full.room;
  queue.is_known = true;
  for (auto& [name, each] : queues_) each.used = 0;  // the flush is made anew
}

FullQueues::Fate FullQueues::judge(const Admitted& admitted, Nanos now) {
  const auto found = queues_.find(admitted.parcel.queue);
  if (found == queues_.end()) return Fate::kStore;
  Full& queue = found->second;
  if (!queue.waiting.empty()) return Fate::kWait;  // behind those
  if (!queue.is_known) return Fate::kStore;
  const std::uint32_t fresh = admitted.count - admitted.known;
  if (queue.used + fresh <= queue.room) {
    queue.used += fresh;
    return Fate::kStore;
  }
  if (queue.settings.overflow == Overflow::kDrop) return Fate::kDrop;
  // Once those of this flush are stored, they make room in their turn.
  if (queue.settings.overflow == Overflow::kDropOldest && queue.used > 0) return Fate::kWait;
  const auto wait = std::chrono::milliseconds(queue.settings.overflow_wait_ms);
  const bool may_wait = queue.settings.overflow == Overflow::kBlock &&
                        (admitted.is_loose || fresh <= queue.settings.length_max) &&
                        now - admitted.admitted_at < wait;
  return may_wait ? Fate::kWait : Fate::kRefuse;
}

FullQueues::Fate FullQueues::judge_all(std::span<const Admitted> some, Nanos now,
                                       std::optional<Error>& why) {
  std::map<std::string_view, std::uint64_t> wanted;
  for (const Admitted& each : some) wanted[each.parcel.queue] += each.count - each.known;
  for (const auto& [name, count] : wanted) {
    const auto found = queues_.find(name);
    if (found == queues_.end()) continue;
    const Full& queue = found->second;
    const bool has_room = !queue.is_known || queue.used + count <= queue.room;
    if (queue.waiting.empty() && has_room) continue;
    const auto wait = std::chrono::milliseconds(queue.settings.overflow_wait_ms);
    const bool may_wait = queue.settings.overflow == Overflow::kBlock &&
                          count <= queue.settings.length_max &&
                          now - some.front().admitted_at < wait;
    const bool makes_room = queue.settings.overflow == Overflow::kDropOldest && queue.used > 0;
    if (may_wait || makes_room) return Fate::kWait;
    why = queue.error;
    return Fate::kRefuse;
  }
  for (const auto& [name, count] : wanted)
    if (const auto found = queues_.find(name); found != queues_.end()) found->second.used += count;
  return Fate::kStore;
}

std::uint32_t FullQueues::fitting(const Admitted& admitted) const {
  const auto found = queues_.find(admitted.parcel.queue);
  // Which of them are duplicates is not known: cut, they would be counted twice.
  if (found == queues_.end() || !admitted.is_loose || admitted.parcel.has_once)
    return admitted.count;
  const Full& queue = found->second;
  const std::uint64_t room = queue.room - std::min(queue.room, queue.used);
  if (!queue.waiting.empty() || !queue.is_known || room == 0) return admitted.count;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(room, admitted.count));
}

const Error& FullQueues::error_of(const Admitted& admitted) const {
  return queues_.find(admitted.parcel.queue)->second.error;
}

void FullQueues::hold(Admitted admitted, Nanos now) {
  Full& queue = queues_.find(admitted.parcel.queue)->second;
  if (queue.waiting.empty()) {
    queue.gap = std::clamp(queue.gap * 2, kGapMin, kGapMax);
    queue.retry_at = now + queue.gap;
  }
  queue.waiting.push_back(std::move(admitted));
}

void FullQueues::release(std::deque<Admitted>& backlog, Nanos now) {
  for (auto& [name, queue] : queues_) {
    if (queue.waiting.empty() || now < queue.retry_at) continue;
    queue.is_known = false;  // the store is asked
    backlog.insert(backlog.begin(), std::make_move_iterator(queue.waiting.begin()),
                   std::make_move_iterator(queue.waiting.end()));
    queue.waiting.clear();
  }
}

std::vector<Admitted> FullQueues::take_all() {
  std::vector<Admitted> out;
  for (auto& [name, queue] : queues_)
    std::move(queue.waiting.begin(), queue.waiting.end(), std::back_inserter(out));
  queues_.clear();
  return out;
}

std::vector<Admitted> FullQueues::take_over(Nanos most, Nanos now) {
  std::vector<Admitted> out;
  for (auto& [name, queue] : queues_)
    while (!queue.waiting.empty() && now - queue.waiting.front().admitted_at >= most) {
      out.push_back(std::move(queue.waiting.front()));
      queue.waiting.pop_front();
    }
  return out;
}

void FullQueues::forget() {
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    queue->second.is_known = false;
    if (queue->second.waiting.empty())
      queue = queues_.erase(queue);
    else
      ++queue;
  }
}

std::uint64_t FullQueues::count() const {
  std::uint64_t count = 0;
  for (const auto& [name, queue] : queues_)
    for (const Admitted& each : queue.waiting) count += each.count;
  return count;
}

Nanos FullQueues::next_time() const {
  Nanos next = kNever;
  for (const auto& [name, queue] : queues_)
    if (!queue.waiting.empty()) next = std::min(next, queue.retry_at);
  return next;
}

}  // namespace msgq
