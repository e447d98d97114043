#include "transport/sqlite/administer.h"

#include <algorithm>
#include <map>

#include "transport/sqlite/append.h"
#include "transport/sqlite/subscriptions.h"

namespace msgq::transport::sqlite {
namespace {

// Rows and blocks of one step; guesses that keep a step at some milliseconds.
constexpr std::uint32_t kDeadPerStep = 1'000;
constexpr std::int64_t kBlocksPerStep = 64;

// Takes dead letters out of the table.
std::vector<StoredMessage> take_dead(Store& store, Queue& queue, const std::vector<MessageId>& ids,
                                     std::int64_t newest) {
  std::vector<DeadRow> rows;
  if (ids.empty()) rows = store.dead.list(queue.id, 0, kDeadPerStep);
  while (!rows.empty() && rows.back().number > newest) rows.pop_back();
  for (const MessageId id : ids)
    for (DeadRow& row : store.dead.find(queue.id, id)) rows.push_back(std::move(row));
  std::sort(rows.begin(), rows.end(),
            [](const DeadRow& a, const DeadRow& b) { return a.number < b.number; });
  std::vector<StoredMessage> out;
  std::int64_t last = 0;
  for (DeadRow& row : rows) {
    if (row.number == std::exchange(last, row.number)) continue;  // named twice
    store.dead.remove(row.number);
    out.push_back(std::move(row.message));
  }
  store.totals.change(queue.subscription).dead -= static_cast<std::int64_t>(out.size());
  return out;
}

// Lapses every claim of a lane for good and moves the position behind what is in it.
void skip_lane(Store& store, const Queue& queue, std::int64_t lane) {
  const Newest newest = store.claims.read_newest(queue.subscription, lane);
  for (const ClaimRow& row : store.claims.read_of_lane(queue.subscription, lane))
    store.claims.remove(row);
  ClaimRow seek;
  seek.subscription = queue.subscription;
  seek.lane = lane;
  seek.gen = store.counter.draw();
  seek.kind = ClaimKind::kSeek;
  seek.state = ClaimState::kSettled;
  seek.from = seek.to = seek.position = {seek.gen, 0};
  store.claims.insert(seek, newest);
}

}  // namespace

std::int64_t floor_of(Store& store, const Queue& queue, std::int64_t lane) {
  std::int64_t floor = store.claims.read_newest(queue.subscription, lane).position.seq;
  for (const ClaimRow& row : store.claims.read_of_lane(queue.subscription, lane))
    floor = std::min(floor, row.from.seq);
  return floor;
}

std::uint64_t redrive_some(Store& store, Queue& queue, const std::vector<MessageId>& ids,
                           std::int64_t newest) {
  auto messages = take_dead(store, queue, ids, newest);
  for (StoredMessage& message : messages) message.renew();
  return_all(store, queue, messages);
  return messages.size();
}

std::uint64_t edit_dead(Store& store, Queue& queue, const DeadEdit& edit) {
  if (edit.redrives) {
    auto messages = take_dead(store, queue, {edit.id}, 0);
    for (StoredMessage& message : messages) apply(edit, message);
    return_all(store, queue, messages);
    return messages.size();
  }
  auto rows = store.dead.find(queue.id, edit.id);
  for (DeadRow& row : rows) {
    store.dead.remove(row.number);
    apply(edit, row.message);
    store.dead.add(row);
  }
  return rows.size();
}

std::uint64_t delete_dead_some(Store& store, Queue& queue, const std::vector<MessageId>& ids,
                               std::int64_t newest) {
  const std::uint64_t count = take_dead(store, queue, ids, newest).size();
  store.totals.change(queue.subscription).purged += static_cast<std::int64_t>(count);
  return count;
}

std::uint32_t forget_dead(Store& store, std::int64_t before_ms, std::uint32_t limit) {
  const auto old = store.dead.list_old(before_ms, limit);
  for (const auto& [number, subscription] : old) {
    store.dead.remove(number);
    Totals& change = store.totals.change(subscription);
    --change.dead;
    ++change.purged;
  }
  return static_cast<std::uint32_t>(old.size());
}

std::uint64_t purge(Store& store, Queue& queue) {
  for (const std::int64_t lane : queue.lanes()) skip_lane(store, queue, lane);
  store.parked.remove_queue(queue.id);
  store.away_keys.remove_queue(queue.id);
  store.dedup.release_all(queue.id);
  const Totals totals = totals_of(store, queue);
  const std::int64_t count = totals.waiting() + totals.leased + totals.parked;
  Totals& change = store.totals.change(queue.subscription);
  change.leased -= totals.leased;
  change.parked -= totals.parked;
  change.purged += count;
  return static_cast<std::uint64_t>(count);
}

std::uint64_t cancel(Store& store, Queue& queue, const std::vector<MessageId>& ids) {
  std::int64_t count = 0;
  for (const MessageId id : ids) {
    const auto row = store.parked.find(queue.id, id);
    count += store.parked.cancel(queue.id, id);
    if (row) store.dedup.release(queue.id, {id});
    if (row && !row->message.key.empty()) wake(store, queue, hash_of(row->message.key));
  }
  Totals& change = store.totals.change(queue.subscription);
  change.parked -= count;
  change.cancelled += count;
  return static_cast<std::uint64_t>(count);
}

std::uint64_t reschedule(Store& store, Queue& queue, const std::vector<MessageId>& ids,
                         std::int64_t due_ms) {
  for (const MessageId id : ids) {
    const auto row = store.parked.find(queue.id, id);
    const std::int64_t expires_ms = row ? row->message.expires_ms : 0;
    if (expires_ms != 0 && expires_ms <= due_ms) refuse_due(id, expires_ms);
  }
  std::int64_t count = 0;
  for (const MessageId id : ids) count += store.parked.reschedule(queue.id, id, due_ms);
  return static_cast<std::uint64_t>(count);
}

bool sweep_some(Store& store, const Queue& queue) {
  bool has_more = false;
  for (const std::int64_t lane : queue.lanes())
    if (!store.directory.is_shared(lane))
      has_more |= store.blocks.sweep(lane, floor_of(store, queue, lane), kBlocksPerStep);
  return has_more;
}

void remove_queue(Store& store, Queue& queue) {
  if (queue.log != 0)
    for (const std::int64_t reader : std::vector(store.directory.of_id(queue.log)->readers))
      remove_queue(store, *store.directory.of_id(reader));
  purge(store, queue);
  store.dead.remove_queue(queue.id);
  store.dedup.remove_queue(queue.id);
  store.claims.forget_subscription(queue.subscription);
  store.readers.remove_subscription(queue.subscription);
  for (const std::int64_t lane : queue.lanes())
    if (queue.is_log() || !store.directory.is_shared(lane)) store.blocks.remove(lane, 0, kSeqMask);
  if (queue.log != 0) remove_queue(store, *store.directory.of_id(queue.log));
  store.totals.forget(queue.subscription);
  store.directory.remove(queue, store.counter);
}

void rename_queue(Store& store, const Queue& queue, std::string_view name) {
  if (queue.source != 0) refuse_rename(queue.name);
  std::map<std::int64_t, std::string> names{{queue.id, std::string(name)}};
  if (queue.log != 0) {
    const Queue& log = *store.directory.of_id(queue.log);
    names[log.id] = std::string(name) + kLogMark;
    for (const std::int64_t reader : log.readers)
      names[reader] = renamed(queue.name, store.directory.of_id(reader)->name, name);
  }
  for (const auto& [id, its] : names)
    if (store.directory.find(its) != nullptr) refuse_taken(its);
  for (const auto& [id, its] : names) store.directory.rename(id, its, store.counter);
}

}  // namespace msgq::transport::sqlite
