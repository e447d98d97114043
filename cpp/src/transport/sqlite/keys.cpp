#include "transport/sqlite/keys.h"

#include <algorithm>
#include <map>
#include <utility>

#include "transport/sql_text.h"
#include "transport/sqlite/claim.h"
#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {
namespace {

constexpr std::int64_t kFreeEveryMs = 10'000;

// Whether nothing of a lane is to be run, or is being run.
bool is_idle(Store& store, const Queue& queue, std::int64_t lane) {
  if (lane == 0) return true;
  for (const ClaimRow& row : store.claims.read_of_lane(queue.subscription, lane)) {
    if (row.state == ClaimState::kOpen) return false;
    if (row.state == ClaimState::kLapsed && is_complete(store, queue, row)) return false;
  }
  return !has_waiting(store, queue, lane);
}

// Whether a message of a lane is neither to be run nor in hand: it was decided, or was lost with
// its block.
bool is_nowhere(Store& store, const Queue& queue, std::int64_t lane, const KeyPlace& place) {
  const auto seq = static_cast<std::int64_t>(place.seq);
  const BlockRow row = store.blocks.read(lane, seq);
  if (row.n > 0 && !row.is_known_damaged) return false;
  const auto claims = store.claims.read_of_lane(queue.subscription, lane);
  return std::none_of(claims.begin(), claims.end(), [&](const ClaimRow& claim) {
    return claim.state == ClaimState::kOpen && claim.from.seq <= seq && seq <= claim.to.seq;
  });
}

// As SQLite keeps it.
std::int64_t stored(std::uint64_t hash) { return static_cast<std::int64_t>(hash); }

}  // namespace

AwayKeys::AwayKeys(sqlite3* database)
    : has_any_(database, sql::sqlite::kHasAwayKeys),
      first_(database, sql::sqlite::kFirstOfKey),
      in_lane_(database, sql::sqlite::kReadInLane),
      waits_for_(database, sql::sqlite::kReadWaitsFor),
      wait_for_(database, sql::sqlite::kWaitFor),
      add_(database, sql::sqlite::kAddInLane),
      delete_(database, sql::sqlite::kDeleteInLane),
      set_due_(database, sql::sqlite::kSetDue),
      read_chunk_(database, sql::sqlite::kReadChunk),
      delete_queue_(database, sql::sqlite::kDeleteAwayKeysOfQueue),
      read_returned_(database, sql::sqlite::kReadReturnedKeys),
      is_held_elsewhere_(database, sql::sqlite::kIsHeldElsewhere) {}

bool AwayKeys::has_any(std::int64_t queue) { return has_any_.query(queue).next(); }

std::optional<FirstOfKey> AwayKeys::first(std::int64_t queue, std::uint64_t hash) {
  Cursor row = first_.query(queue, stored(hash));
  if (!row.next()) return std::nullopt;
  return FirstOfKey{
      row.integer(0), row.integer(1), {static_cast<std::uint64_t>(row.integer(2)), row.small(3)}};
}

std::int64_t AwayKeys::in_lane(std::int64_t queue, std::uint64_t hash) {
  Cursor row = in_lane_.query(queue, stored(hash));
  return row.next() ? row.integer(0) : 0;
}

KeyPlace AwayKeys::waits_for(std::int64_t queue, std::uint64_t hash) {
  Cursor row = waits_for_.query(queue, stored(hash));
  if (!row.next()) return {};
  return {static_cast<std::uint64_t>(row.integer(0)), row.small(1)};
}

void AwayKeys::wait_for(std::int64_t queue, std::uint64_t hash, const KeyPlace& place) {
  wait_for_.run(queue, stored(hash), static_cast<std::int64_t>(place.seq), place.index);
}

void AwayKeys::add_in_lane(std::int64_t queue, std::uint64_t hash, std::int64_t count) {
  const std::int64_t before = in_lane(queue, hash);
  if (before + count > 0)
    add_.run(queue, stored(hash), count);
  else if (before > 0)
    delete_.run(queue, stored(hash));
}

void AwayKeys::set_due(std::int64_t number, std::int64_t due_ms) { set_due_.run(number, due_ms); }

std::vector<ParkedRow> AwayKeys::read_chunk(std::int64_t queue, std::uint64_t hash,
                                            std::int64_t wall_ms, std::uint32_t limit) {
  std::vector<ParkedRow> out;
  Cursor rows = read_chunk_.query(queue, stored(hash), limit);
  while (rows.next()) {
    const std::int64_t due_ms = rows.integer(kMessageColumns + 2);
    if (due_ms > wall_ms && due_ms != kHeldBack) break;
    out.push_back({rows.integer(0), read_message(rows), queue, rows.integer(kMessageColumns + 1),
                   ParkKind::kBehind, due_ms, 0});
  }
  return out;
}

std::vector<AwayKeys::Returned> AwayKeys::read_returned() {
  std::vector<Returned> out;
  Cursor row = read_returned_.query();
  while (row.next())
    out.push_back({row.integer(0),
                   static_cast<std::uint64_t>(row.integer(1)),
                   row.integer(2),
                   {static_cast<std::uint64_t>(row.integer(3)), row.small(4)}});
  return out;
}

void AwayKeys::remove_queue(std::int64_t queue) { delete_queue_.run(queue); }

bool AwayKeys::is_held_elsewhere(std::int64_t subscription, std::int64_t main,
                                 std::int64_t returned, std::int64_t process) {
  return is_held_elsewhere_.query(subscription, main, returned, process).next();
}

void note_decided(Store& store, const Queue& queue, const std::vector<std::uint64_t>& hashes) {
  std::map<std::uint64_t, std::int64_t> counts;
  for (const std::uint64_t hash : hashes) ++counts[hash];
  for (const auto& [hash, count] : counts) {
    store.away_keys.add_in_lane(queue.id, hash, -count);
    wake(store, queue, hash);
  }
}

void wake(Store& store, const Queue& queue, std::uint64_t hash) {
  if (store.away_keys.in_lane(queue.id, hash) > 0) return;
  const auto first = store.away_keys.first(queue.id, hash);
  if (first && first->due_ms == kHeldBack)
    store.away_keys.set_due(first->number, store.now.wall_ms);
}

void free_lost_keys(Store& store) {
  if (store.now.boot_ms < store.free_keys_at_ms) return;
  store.free_keys_at_ms = store.now.boot_ms + kFreeEveryMs;
  std::map<std::pair<std::int64_t, std::uint64_t>, bool> idle;  // shards
  for (const auto& [id, hash, in_lane, waits_for] : store.away_keys.read_returned()) {
    const Queue* queue = store.directory.of_id(id);
    if (queue == nullptr) continue;
    const std::uint64_t shard = hash % kKeyShards;
    const auto [found, is_new] = idle.try_emplace({id, shard});
    const auto band = queue->bands.find(static_cast<std::uint8_t>(kKeyedBand + shard));
    const bool has_band = band != queue->bands.end();
    if (is_new) found->second = !has_band || is_idle(store, *queue, band->second.returned);
    if (!found->second) continue;
    if (waits_for.seq != 0 && has_band && !is_nowhere(store, *queue, band->second.main, waits_for))
      continue;
    store.away_keys.add_in_lane(id, hash, -in_lane);
    wake(store, *queue, hash);
  }
}

std::int64_t due_behind(Store& store, const Queue& queue, std::uint64_t hash,
                        const KeyPlace& waits_for) {
  AwayKeys& keys = store.away_keys;
  if (keys.first(queue.id, hash)) return kHeldBack;
  if (waits_for.seq != 0 && keys.waits_for(queue.id, hash) != waits_for)
    keys.wait_for(queue.id, hash, waits_for);
  return keys.in_lane(queue.id, hash) > 0 ? kHeldBack : store.now.wall_ms;
}

std::vector<StoredMessage> take_chunk(Store& store, const Queue& queue, const ParkedRow& due) {
  const std::uint64_t hash = hash_of(due.message.key);
  const auto first = store.away_keys.first(queue.id, hash);
  if (!first) return {};  // it went with one before it
  if (store.away_keys.in_lane(queue.id, hash) > 0 || first->number != due.number) {
    store.away_keys.set_due(due.number, kHeldBack);
    return {};
  }
  std::vector<StoredMessage> out;
  for (ParkedRow& row :
       store.away_keys.read_chunk(queue.id, hash, store.now.wall_ms, kKeyChunkMax)) {
    store.parked.remove(row.number);
    out.push_back(std::move(row.message));
  }
  store.away_keys.add_in_lane(queue.id, hash, static_cast<std::int64_t>(out.size()));
  return out;
}

}  // namespace msgq::transport::sqlite
