#include "transport/sqlite/reclaim.h"

#include <algorithm>
#include <utility>

#include "transport/sqlite/settle.h"

namespace msgq::transport::sqlite {
namespace {

bool runs_alone(const ClaimRow& row) { return row.is_suspect && row.left() == 1; }

// The message that a single suspect's claim holds, with its place in the lane unless it has one of
// its own; nullopt when its block cannot be read.
std::optional<StoredMessage> read_alone(Store& store, const ClaimRow& row) {
  std::uint32_t ordinal = 0;
  auto scan = store.blocks.scan(row.lane, row.from.seq);
  while (ordinal < row.n && scan.next()) {
    const auto first = scan.seq() == row.from.seq ? static_cast<std::uint32_t>(row.from.index) : 0;
    const BlockRow found = scan.read();
    if (found.block == nullptr) return std::nullopt;
    for (std::uint32_t index = first; index < found.n && ordinal < row.n; ++index, ++ordinal)
      if (!row.done.has(ordinal)) {
        auto message = StoredMessage::copy(found.block->view(index));
        if (message.place.seq == 0) message.place = {static_cast<std::uint64_t>(found.seq), index};
        return message;
      }
  }
  return std::nullopt;
}

}  // namespace

Reclaimer::Reclaimer(ProcessLock& process, std::string boot_id,
                     std::chrono::milliseconds second_look_max)
    : process_(process),
      boot_id_(std::move(boot_id)),
      second_look_max_ms_(second_look_max.count()) {}

std::uint32_t Reclaimer::run(Store& store) {
  std::uint32_t count = 0;
  for (const ProcessRow& other : store.processes.others(process_.id()))
    if (!process_.is_alive(other.id)) count += bury_process(store, other);
  return count + lapse_expired(store);
}

std::uint32_t Reclaimer::bury_process(Store& store, const ProcessRow& dead) {
  auto rows = store.claims.read_of_process(dead.id);
  // The machine went down, not the process: that proves nothing about a message.
  const bool is_proved = dead.boot_id == boot_id_;
  for (ClaimRow& row : rows) {
    if (is_proved && rows.size() == 1 && runs_alone(row)) {
      crash(store, std::move(row));
      continue;
    }
    row.is_suspect |= is_proved;
    lapse(store, std::move(row), true);
  }
  store.processes.leave(dead.id);
  store.readers.remove_process(dead.id);
  if (!rows.empty())
    store.log.write(LogLevel::kWarning, "process " + std::to_string(dead.pid) + " on " + dead.host +
                                            " died with " + std::to_string(rows.size()) +
                                            " open claims; they are claimable again");
  return static_cast<std::uint32_t>(rows.size());
}

void Reclaimer::crash(Store& store, ClaimRow row) {
  const bool is_outside = store.now.wall_ms - row.crashed_ms > store.rules.crash_window_ms;
  if (row.crashes == 0 || is_outside) {
    row.crashes = 0;
    row.crashed_ms = store.now.wall_ms;
  }
  ++row.crashes;
  auto message = read_alone(store, row);
  if (!message || message->counts.crashes + row.crashes < store.rules.crashes_max)
    return lapse(store, std::move(row), true);
  message->counts.deliveries += row.attempt;
  message->counts.crashes += row.crashes;
  const Queue* queue = store.directory.of_subscription(row.subscription);
  const std::uint64_t hash = hash_of(message->key);
  const bool is_awaited =
      !message->key.empty() &&
      (!queue->is_main(row.lane) || store.away_keys.waits_for(queue->id, hash) == message->place);
  if (is_awaited) note_decided(store, *queue, {hash_of(message->key)});
  store.dedup.release(queue->id, {message->id});
  store.dead.add({store.counter.draw(), *std::move(message), queue->id, queue->subscription,
                  "worker lost", store.now.wall_ms});
  Totals& change = store.totals.change(row.subscription);
  --change.leased;
  ++change.dead;
  row.is_newest = store.claims.read_newest(row.subscription, row.lane).gen == row.gen;
  store.claims.end(row);
}

std::uint32_t Reclaimer::lapse_expired(Store& store) {
  seeing_.clear();
  std::uint32_t count = 0;
  for (ClaimRow& row : store.claims.read_expired(store.now.boot_ms)) {
    const Key key{row.subscription, row.lane, row.gen};
    const auto before = seen_.find(key);
    const bool is_known = before != seen_.end() && before->second.until_ms == row.until_ms;
    const std::int64_t first_ms = is_known ? before->second.first_ms : store.now.boot_ms;
    const std::int64_t gap_ms = std::min(row.lease_ms / 3, second_look_max_ms_);
    if ((is_known || gap_ms == 0) && store.now.boot_ms - first_ms >= gap_ms) {
      lapse(store, std::move(row), true);
      ++count;
    } else {
      seeing_[key] = {row.until_ms, first_ms};
    }
  }
  return count;
}

}  // namespace msgq::transport::sqlite
