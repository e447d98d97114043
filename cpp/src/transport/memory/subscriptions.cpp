#include "transport/memory/subscriptions.h"

#include <algorithm>
#include <utility>

#include "transport/memory/administer.h"
#include "transport/memory/bounds.h"

namespace msgq::transport::memory {
namespace {

// Forgets what is older than the retention and that nobody has to read any more: blocks are shared,
// so whoever has is seen by the count.
void trim(State& state, Queue& queue, const Now& now) {
  while (!queue.log.empty()) {
    const LogEntry& oldest = queue.log.front();
    const bool is_kept =
        queue.settings.retention_ms > 0 && oldest.at_ms > now.wall_ms - queue.settings.retention_ms;
    if (is_kept || oldest.block.use_count() > 1) return;
    state.bytes -= oldest.bytes;
    queue.log.pop_front();
    queue.has_forgotten = true;
  }
}

struct Place {
  std::size_t entry = 0;
  std::uint32_t index = 0;  // in its block
};

std::optional<Place> place_of(const std::deque<LogEntry>& log, MessageId id) {
  for (std::size_t i = 0; i < log.size(); ++i) {
    const Block& block = *log[i].block;
    if (id < block.first_id() || id > block.last_id()) continue;
    for (std::uint32_t index = 0; index < block.count(); ++index)
      if (block.view(index).id == id) return Place{i, index};
  }
  return std::nullopt;
}

Place find_place(const Queue& queue, const Start& start) {
  const auto& log = queue.log;
  if (start.at == Start::At::kLatest) return {log.size(), 0};
  if (start.at == Start::At::kEarliest) return {};
  const std::int64_t oldest_ms = log.empty() ? 0 : log.front().at_ms;
  if (start.at == Start::At::kId) {
    if (const auto found = place_of(log, start.id)) return *found;
    refuse_start(queue.name, start, oldest_ms);
  }
  if (queue.has_forgotten && (log.empty() || start.time_ms < oldest_ms))
    refuse_start(queue.name, start, oldest_ms);
  const auto from = std::partition_point(
      log.begin(), log.end(), [&](const LogEntry& each) { return each.at_ms < start.time_ms; });
  return {static_cast<std::size_t>(from - log.begin()), 0};
}

void give(State& state, Queue& reader, std::uint8_t number, const BlockPtr& block,
          std::uint32_t first) {
  reader.totals.sent += block->count() - first;
  append(state, reader, state.make_band(reader, number).main, block, first);
}

// What is in the log from there on waits. How many that are.
std::uint64_t begin_at(State& state, Queue& subscription, const Place& place) {
  const auto& log = subscription.source->log;
  const std::uint64_t before = subscription.totals.sent;
  for (std::size_t i = place.entry; i < log.size(); ++i)
    give(state, subscription, log[i].band, log[i].block, i == place.entry ? place.index : 0);
  return subscription.totals.sent - before;
}

// Whether anybody reads what is sent, or may go back to it; if not, it is forgotten.
bool keeps(Queue& queue) {
  const bool keeps = !queue.readers.empty() || queue.settings.retention_ms > 0;
  queue.has_forgotten |= !keeps;
  return keeps;
}

}  // namespace

void publish(State& state, Queue& queue, std::uint8_t band, const BlockPtr& block, const Now& now) {
  if (!keeps(queue)) return;
  for (Queue* reader : queue.readers) {
    give(state, *reader, band, block, 0);
    drop_beyond(state, *reader);
  }
  const bool is_kept = queue.settings.retention_ms > 0;
  queue.log.push_back(
      {block, band, now.wall_ms, is_kept ? block->body_bytes(0, block->count()) : 0});
  state.bytes += queue.log.back().bytes;
  trim(state, queue, now);
}

void trim_logs(State& state, const Now& now) {
  for (const auto& [name, queue] : state.queues) trim(state, *queue, now);
}

void forget_log(State& state, Queue& queue) {
  for (const LogEntry& each : queue.log) state.bytes -= each.bytes;
  queue.log.clear();
}

void publish_all(State& state, Queue& queue, const std::vector<StoredMessage>& messages,
                 const BlockBounds& bounds, const Now& now) {
  if (messages.empty() || !keeps(queue)) return;
  for (auto& [band, block] : blocks_of(queue, messages, bounds, now))
    publish(state, queue, band, block, now);
}

bool subscribe(State& state, std::string_view queue, std::string_view name, const Start& start,
               const Now& now) {
  const std::string full = subscription_name(queue, name);
  Queue& source = state.make_queue(queue);
  if (source.source != nullptr) refuse_subscribe(queue, source.source->name);
  if (const Queue* known = state.find_queue(full)) {
    if (known->source == &source) return false;
    throw Error(ErrorCode::kConfigInvalid,
                "there is a queue named '" + full + "', so no subscription can have this name");
  }
  trim(state, source, now);
  const Place place = find_place(source, start);
  Queue& made = state.make_queue(full);
  made.source = &source;
  made.totals.source = source.name;
  source.readers.push_back(&made);
  begin_at(state, made, place);
  return true;
}

std::uint64_t seek(State& state, Queue& subscription, const Start& start, const Now& now) {
  if (subscription.source == nullptr) refuse_seek(subscription.name);
  trim(state, *subscription.source, now);
  const Place place = find_place(*subscription.source, start);
  purge(state, subscription);
  return begin_at(state, subscription, place);
}

}  // namespace msgq::transport::memory
