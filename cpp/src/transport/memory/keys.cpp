#include "transport/memory/keys.h"

#include <algorithm>
#include <utility>

namespace msgq::transport::memory {
namespace {

// Of a process that was silent for so long, and may be gone, nothing is kept.
constexpr std::int64_t kForgottenMs = 60'000;

void set_due(State& state, Due due, std::int64_t due_ms) {
  auto row = state.parked.extract(due);
  const StoredMessage& message = row.mapped().message;
  Queue& queue = *row.mapped().queue;
  row.key().due_ms = due_ms;
  queue.parked.at({message.id, due.number}) = row.key();
  queue.away_keys.at(hash_of(message.key)).parked.at({message.place, due.number}) = row.key();
  state.parked.insert(std::move(row));
}

}  // namespace

Parked unpark(State& state, Due due) {
  Parked out = std::move(state.parked.extract(due).mapped());
  const StoredMessage& message = out.message;
  out.queue->parked.erase({message.id, due.number});
  state.bytes -= bytes_of(message);
  --state.count;
  --out.queue->totals.parked;
  if (message.key.empty()) return out;
  const auto key = out.queue->away_keys.find(hash_of(message.key));
  key->second.parked.erase({message.place, due.number});
  if (key->second.parked.empty() && key->second.in_lane == 0) out.queue->away_keys.erase(key);
  return out;
}

void tell_away(const Queue& queue, std::string_view key, const KeyPlace& place,
               std::uint32_t ordinal, Claimed& told) {
  const auto found = queue.away_keys.find(hash_of(key));
  if (found == queue.away_keys.end()) return;
  const auto& parked = found->second.parked;
  if (!parked.empty() && parked.begin()->first.first < place) told.away.set(ordinal);
  if (found->second.waits_for == place) told.ahead.set(ordinal);
}

void park_behind(State& state, Queue& queue, const SettleOrder::Back& back, const Now& now) {
  AwayKey& key = queue.away_keys[hash_of(back.message.key)];
  if (key.parked.empty() && back.waits_for.seq != 0 && key.waits_for != back.waits_for) {
    key.waits_for = back.waits_for;
    ++key.in_lane;
  }
  park(state, queue, back.due_ms, back.message, now);
}

bool is_awaited(const Queue& queue, std::string_view key, const KeyPlace& place) {
  const auto found = queue.away_keys.find(hash_of(key));
  return found != queue.away_keys.end() && found->second.waits_for == place;
}

void note_decided(State& state, Queue& queue, const std::vector<std::uint64_t>& hashes,
                  const Now& now) {
  for (const std::uint64_t hash : hashes) {
    const auto key = queue.away_keys.find(hash);
    if (key == queue.away_keys.end()) continue;  // purged meanwhile
    if (key->second.in_lane > 0) --key->second.in_lane;
    wake(state, queue, hash, now);
  }
}

void wake(State& state, Queue& queue, std::uint64_t hash, const Now& now) {
  const auto key = queue.away_keys.find(hash);
  if (key == queue.away_keys.end() || key->second.in_lane > 0) return;
  if (key->second.parked.empty())
    queue.away_keys.erase(key);
  else if (const Due first = key->second.parked.begin()->second; first.due_ms == kHeldBack)
    set_due(state, first, now.wall_ms);
}

std::vector<Parked> take_chunk(State& state, Due due, const Now& now) {
  const Parked& head = state.parked.at(due);
  Queue& queue = *head.queue;
  const std::uint64_t hash = hash_of(head.message.key);
  AwayKey& key = queue.away_keys.at(hash);
  if (key.in_lane > 0 || key.parked.begin()->second != due) {
    set_due(state, due, kHeldBack);
    return {};
  }
  std::vector<Due> chunk;
  for (const auto& [place, each] : key.parked) {
    const bool may_go = each.due_ms <= now.wall_ms || each.due_ms == kHeldBack;
    if (!may_go || chunk.size() == kKeyChunkMax) break;
    chunk.push_back(each);
  }
  key.in_lane = static_cast<std::uint32_t>(chunk.size());
  std::vector<Parked> out;
  out.reserve(chunk.size());
  for (const Due& each : chunk) out.push_back(unpark(state, each));
  return out;
}

namespace {

Share::Open open_of(const State& state, const Band& band, std::uint64_t process) {
  Share::Open out;
  if (band.main.open_count + band.returned.open_count == 0) return out;
  for (const auto& [gen, claim] : state.open) {
    if (claim.process != process || (claim.lane != &band.main && claim.lane != &band.returned))
      continue;
    out.oldest = out.oldest == 0 ? gen : std::min(out.oldest, gen);
    out.newest = std::max(out.newest, gen);
  }
  return out;
}

}  // namespace

Share& share_of(const State& state, Queue& queue, std::uint64_t process, const Now& now) {
  Share& share = queue.key_readers[process].share;
  if (!share.is_look_due(now.boot_ms)) return share;
  std::erase_if(queue.key_readers, [&](const auto& entry) {
    const std::int64_t said_ms = entry.second.said_ms;
    return entry.first != process && said_ms >= 0 && now.boot_ms - said_ms > kForgottenMs;
  });
  std::vector<Reader> readers;
  for (const auto& [number, reader] : queue.key_readers)
    if (reader.said_ms >= 0)
      readers.push_back({static_cast<std::int64_t>(number), now.boot_ms - reader.said_ms});
  share.look(static_cast<std::int64_t>(process), readers, now.boot_ms, [&](std::size_t shard) {
    const auto band = queue.bands.find(static_cast<std::uint8_t>(kKeyedBand + shard));
    return band == queue.bands.end() ? Share::Open() : open_of(state, band->second, process);
  });
  return share;
}

void say_it_claims(Queue& queue, std::uint64_t process, bool is_barred, const Now& now) {
  KeyReader& reader = queue.key_readers[process];
  if ((reader.share.is_alone() && !is_barred) || !reader.share.is_saying_due(now.boot_ms)) return;
  reader.said_ms = now.boot_ms;
  reader.share.note_said(now.boot_ms);
}

}  // namespace msgq::transport::memory
