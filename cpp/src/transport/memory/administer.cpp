#include "transport/memory/administer.h"

#include <algorithm>
#include <utility>

#include "transport/memory/dedup.h"
#include "transport/memory/keys.h"
#include "transport/memory/settle.h"
#include "transport/memory/subscriptions.h"

namespace msgq::transport::memory {
namespace {

// Takes dead letters out of the store, oldest first.
std::vector<StoredMessage> take_dead(State& state, Queue& queue,
                                     const std::vector<MessageId>& ids) {
  std::set<std::uint64_t> numbers;
  for (const MessageId id : ids)
    for (auto row = queue.dead_ids.lower_bound({id, 0});
         row != queue.dead_ids.end() && row->first == id; ++row)
      numbers.insert(row->second);
  if (ids.empty())
    for (const auto& [number, letter] : queue.dead_letters) numbers.insert(number);
  std::vector<StoredMessage> out;
  for (const std::uint64_t number : numbers) {
    auto row = queue.dead_letters.find(number);
    queue.dead_ids.erase({row->second.message.id, number});
    state.bytes -= bytes_of(row->second.message);
    out.push_back(std::move(row->second.message));
    queue.dead_letters.erase(row);
  }
  queue.totals.dead -= out.size();
  state.count -= out.size();
  return out;
}

void empty_lane(State& state, Lane& lane) {
  for (const Waiting& entry : lane.waiting)
    state.bytes -= entry.block->body_bytes(entry.first, entry.block->count());
  for (const auto* ranges : {&lane.lapsed, &lane.suspects})
    for (const Range& range : *ranges) state.bytes -= range.bytes;
  lane.waiting.clear();
  lane.lapsed.clear();
  lane.suspects.clear();
}

// Takes the parked messages of these ids out.
std::vector<Parked> take_parked(State& state, Queue& queue, const std::vector<MessageId>& ids) {
  std::vector<Due> found;
  for (const MessageId id : ids)
    for (auto row = queue.parked.lower_bound({id, 0});
         row != queue.parked.end() && row->first.first == id; ++row)
      found.push_back(row->second);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());  // named twice
  std::vector<Parked> out;
  out.reserve(found.size());
  for (const Due& due : found) out.push_back(unpark(state, due));
  return out;
}

void empty_parked(State& state, Queue& queue) {
  while (!queue.parked.empty()) unpark(state, queue.parked.begin()->second);
  queue.away_keys.clear();
}

// Those of this id where they are.
std::uint64_t edit_in_place(State& state, Queue& queue, const DeadEdit& edit) {
  std::uint64_t count = 0;
  for (auto row = queue.dead_ids.lower_bound({edit.id, 0});
       row != queue.dead_ids.end() && row->first == edit.id; ++row, ++count) {
    StoredMessage& message = queue.dead_letters.at(row->second).message;
    state.bytes -= bytes_of(message);
    apply(edit, message);
    state.bytes += bytes_of(message);
  }
  return count;
}

}  // namespace

std::uint64_t redrive(State& state, Queue& queue, const std::vector<MessageId>& ids,
                      const BlockBounds& bounds, const Now& now) {
  std::vector<StoredMessage> messages = take_dead(state, queue, ids);
  for (StoredMessage& message : messages) message.renew();
  const std::uint64_t count = messages.size();
  return_all(state, queue, messages, bounds, now);
  return count;
}

std::uint64_t edit_dead(State& state, Queue& queue, const DeadEdit& edit, const BlockBounds& bounds,
                        const Now& now) {
  if (!edit.redrives) return edit_in_place(state, queue, edit);
  std::vector<StoredMessage> messages = take_dead(state, queue, {edit.id});
  for (StoredMessage& message : messages) apply(edit, message);
  const std::uint64_t count = messages.size();
  return_all(state, queue, messages, bounds, now);
  return count;
}

std::uint64_t delete_dead(State& state, Queue& queue, const std::vector<MessageId>& ids) {
  const std::uint64_t count = take_dead(state, queue, ids).size();
  queue.totals.purged += count;
  return count;
}

std::uint32_t forget_dead(State& state, std::int64_t before_ms, std::uint32_t limit) {
  std::uint32_t count = 0;
  for (auto& [name, queue] : state.queues) {
    auto& letters = queue->dead_letters;
    std::uint32_t of_queue = 0;
    for (auto row = letters.begin();
         row != letters.end() && row->second.died_ms < before_ms && count < limit; ++count) {
      queue->dead_ids.erase({row->second.message.id, row->first});
      state.bytes -= bytes_of(row->second.message);
      row = letters.erase(row);
      ++of_queue;
    }
    state.count -= of_queue;
    queue->totals.dead -= of_queue;
    queue->totals.purged += of_queue;
  }
  return count;
}

std::uint64_t purge(State& state, Queue& queue) {
  lapse_all(state, queue);  // nothing takes a body from under an open claim
  QueueDepth& totals = queue.totals;
  const std::uint64_t waiting = totals.waiting, count = waiting + totals.parked;
  for (auto& [number, band] : queue.bands) {
    empty_lane(state, band.main);
    empty_lane(state, band.returned);
  }
  empty_parked(state, queue);
  release_all(state, queue);
  state.count -= waiting;
  totals.purged += count;
  totals.waiting = 0;
  return count;
}

std::uint64_t cancel(State& state, Queue& queue, const std::vector<MessageId>& ids,
                     const Now& now) {
  const auto gone = take_parked(state, queue, ids);
  for (const Parked& each : gone) release(state, queue, {each.message.id});
  for (const Parked& each : gone)
    if (!each.message.key.empty()) wake(state, queue, hash_of(each.message.key), now);
  queue.totals.cancelled += gone.size();
  return gone.size();
}

std::uint64_t reschedule(State& state, Queue& queue, const std::vector<MessageId>& ids,
                         std::int64_t due_ms) {
  for (const MessageId id : ids) {
    const auto row = queue.parked.lower_bound({id, 0});
    if (row == queue.parked.end() || row->first.first != id) continue;
    const std::int64_t expires_ms = state.parked.find(row->second)->second.message.expires_ms;
    if (expires_ms != 0 && expires_ms <= due_ms) refuse_due(id, expires_ms);
  }
  auto moved = take_parked(state, queue, ids);
  for (Parked& each : moved)
    park(state, queue, due_ms, std::move(each.message), {each.parked_ms, 0}, each.is_sent);
  return moved.size();
}

void delete_queue(State& state, Queue& queue) {
  while (!queue.readers.empty()) delete_queue(state, *queue.readers.back());
  if (queue.source != nullptr) std::erase(queue.source->readers, &queue);
  purge(state, queue);
  take_dead(state, queue, {});
  forget_all(state, queue);
  forget_log(state, queue);
  state.queues.erase(queue.name);
}

void rename_queue(State& state, Queue& queue, std::string_view name) {
  if (queue.source != nullptr) refuse_rename(queue.name);
  std::vector<std::pair<Queue*, std::string>> names{{&queue, std::string(name)}};
  for (Queue* reader : queue.readers)
    names.emplace_back(reader, renamed(queue.name, reader->name, name));
  for (const auto& [each, its] : names)
    if (state.find_queue(its) != nullptr) refuse_taken(its);
  for (auto& [each, its] : names) {
    auto node = state.queues.extract(each->name);
    node.key() = each->name = each->totals.queue = its;
    if (each->source != nullptr) each->totals.source = name;
    state.queues.insert(std::move(node));
  }
}

}  // namespace msgq::transport::memory
