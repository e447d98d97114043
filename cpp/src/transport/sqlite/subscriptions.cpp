#include "transport/sqlite/subscriptions.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "msgq/error.h"
#include "transport/sqlite/administer.h"
#include "transport/sqlite/bounds.h"

namespace msgq::transport::sqlite {
namespace {

// Blocks that one exchange deletes of a lane; a guess that keeps it at some milliseconds.
constexpr std::int64_t kBlocksPerSweep = 64;

// Where the messages with and behind one of that id begin, and when its block was written.
std::optional<Place> place_of(Store& store, std::int64_t lane, MessageId id) {
  for (const Candidate& each : store.headers.about(lane, id)) {
    const BlockPtr block = store.blocks.read(lane, each.seq).block;
    for (std::uint32_t i = 0; block != nullptr && i < block->count(); ++i)
      if (block->view(i).id == id) return Place{each.seq, i};
  }
  return std::nullopt;
}

std::int64_t oldest_ms(Store& store, const Queue& log) {
  std::int64_t oldest = 0;
  for (const std::int64_t lane : log.lanes())
    if (const auto at = store.headers.written_from(lane, 0); at && (oldest == 0 || *at < oldest))
      oldest = *at;
  return oldest;
}

// The first block of a lane that was written then or later.
Place place_at(Store& store, std::int64_t lane, std::int64_t time_ms) {
  const auto newest = store.headers.newest(lane);
  if (!newest || newest->at_ms < time_ms) return {store.counter.draw(), 0};
  return {store.headers.first_written_after(lane, time_ms, newest->block.seq), 0};
}

// Where a subscription begins in each lane of its log.
std::map<std::int64_t, Place> places(Store& store, const Queue& log, const Start& start) {
  std::map<std::int64_t, Place> out;
  if (start.at == Start::At::kTime) {
    const std::int64_t oldest = oldest_ms(store, log);
    const bool has_forgotten = store.totals.now(log.subscription).purged > 0;
    if (has_forgotten && (oldest == 0 || start.time_ms < oldest))
      refuse_start(log.source_name(), start, oldest);
  }
  std::optional<Place> of_id;
  for (const std::int64_t lane : log.lanes()) {
    if (start.at == Start::At::kLatest) out[lane] = {store.counter.draw(), 0};
    if (start.at == Start::At::kEarliest) out[lane] = {};
    if (start.at == Start::At::kTime) out[lane] = place_at(store, lane, start.time_ms);
    if (start.at != Start::At::kId || of_id) continue;
    of_id = place_of(store, lane, start.id);
    if (of_id) out[lane] = *of_id;
  }
  if (start.at != Start::At::kId) return out;
  if (!of_id) refuse_start(log.source_name(), start, oldest_ms(store, log));
  // Numbers of blocks rise over all lanes.
  for (const std::int64_t lane : log.lanes()) out.try_emplace(lane, Place{of_id->seq, 0});
  return out;
}

// So many messages that its queue was sent are not kept in a log.
void forget(Store& store, const Queue& log, std::int64_t count) {
  Totals& totals = store.totals.change(log.subscription);
  totals.sent += count;
  totals.purged += count;
}

// What lies in the log from there on waits. How many that are.
std::uint64_t begin_at(Store& store, const Queue& subscription,
                       const std::map<std::int64_t, Place>& begins) {
  std::int64_t count = 0;
  for (const auto& [lane, place] : begins) {
    ClaimRow seek;
    seek.subscription = subscription.subscription;
    seek.lane = lane;
    seek.gen = store.counter.draw();
    seek.kind = ClaimKind::kSeek;
    seek.state = ClaimState::kSettled;
    seek.from = seek.to = seek.position = place;
    store.claims.insert(seek, store.claims.read_newest(subscription.subscription, lane));
    count += store.blocks.count_from(lane, place.seq) - place.index;
  }
  store.totals.change(subscription.subscription).sent += count;
  return static_cast<std::uint64_t>(count);
}

// The first block of a lane of the log that somebody still has to read.
std::int64_t floor_of_all(Store& store, const Queue& log, std::int64_t lane) {
  std::int64_t floor = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t id : log.readers)
    floor = std::min(floor, floor_of(store, *store.directory.of_id(id), lane));
  return floor;
}

bool sweep_lane(Store& store, const Queue& log, std::int64_t lane, std::int64_t retention_ms) {
  const auto newest = store.headers.newest(lane);
  if (!newest) return false;
  std::int64_t below = std::min(floor_of_all(store, log, lane), newest->block.seq + 1);
  const std::int64_t before_ms = store.now.wall_ms - retention_ms;
  if (retention_ms > 0 && newest->at_ms > before_ms)
    below =
        std::min(below, store.headers.first_written_after(lane, before_ms + 1, newest->block.seq));
  const std::int64_t count = store.blocks.count_first(lane, below, kBlocksPerSweep);
  if (count == 0) return false;
  store.totals.change(log.subscription).purged += count;
  return store.blocks.sweep(lane, below, kBlocksPerSweep);
}

}  // namespace

void publish(Store& store, const Queue& queue, std::uint8_t band, const BlockPtr& block) {
  if (queue.log == 0) return;
  Queue& log = *store.directory.of_id(queue.log);
  if (log.readers.empty() && queue.settings.retention_ms == 0)
    return forget(store, log, block->count());
  store.totals.change(log.subscription).sent += block->count();
  store.blocks.append(store.directory.make_main(log, band, store.counter), store.counter.draw(),
                      block, store.author, store.counter.stamp(store.now.wall_ms));
}

Queue& open_log(Store& store, Queue& queue) {
  if (queue.log != 0) return *store.directory.of_id(queue.log);
  Queue& log = store.directory.make_log(queue, store.counter);
  forget(store, log, store.totals.now(queue.subscription).sent);
  return log;
}

Totals totals_of(Store& store, const Queue& queue) {
  Totals out = store.totals.now(queue.subscription);
  if (queue.source == 0) return out;
  out.sent += store.totals.now(store.directory.of_id(queue.source)->subscription).sent;
  return out;
}

bool subscribe(Store& store, std::string_view queue, std::string_view name, const Start& start) {
  const std::string full = subscription_name(queue, name);
  Queue& source = store.directory.make(queue, store.counter);
  if (source.source != 0)
    refuse_subscribe(queue, store.directory.of_id(source.source)->source_name());
  Queue& log = open_log(store, source);
  if (const Queue* known = store.directory.find(full)) {
    if (known->source == log.id) return false;
    throw Error(ErrorCode::kConfigInvalid,
                "there is a queue named '" + full + "', so no subscription can have this name");
  }
  const auto begins = places(store, log, start);
  const Queue& made = store.directory.make_reader(log, full, store.counter);
  store.totals.change(made.subscription).sent -= store.totals.now(log.subscription).sent;
  begin_at(store, made, begins);
  return true;
}

std::uint64_t seek(Store& store, Queue& subscription, const Start& start) {
  if (subscription.source == 0) refuse_seek(subscription.name);
  const auto begins = places(store, *store.directory.of_id(subscription.source), start);
  purge(store, subscription);
  return begin_at(store, subscription, begins);
}

bool sweep_logs(Store& store) {
  bool has_more = false;
  for (const auto& [name, queue] : store.directory.all())
    if (queue.source != 0) drop_beyond(store, queue);
  for (const auto& [name, queue] : store.directory.all()) {
    if (queue.log == 0) continue;
    const Queue& log = *store.directory.of_id(queue.log);
    for (const std::int64_t lane : log.lanes())
      has_more |= sweep_lane(store, log, lane, queue.settings.retention_ms);
  }
  return has_more;
}

}  // namespace msgq::transport::sqlite
