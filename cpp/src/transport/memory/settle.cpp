#include "transport/memory/settle.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "transport/memory/dedup.h"
#include "transport/memory/keys.h"

namespace msgq::transport::memory {
namespace {

using OpenClaims = std::unordered_map<std::uint64_t, OpenClaim>;

OpenClaims::iterator find_open(State& state, const ClaimKey& key) {
  const auto found = state.open.find(key.gen);
  return found != state.open.end() && found->second.key == key ? found : state.open.end();
}

// Takes the row out; its range is the caller's.
OpenClaim close_row(State& state, OpenClaims::iterator row) {
  OpenClaim claim = std::move(row->second);
  Process& process = state.processes[claim.process];
  --process.open_count;
  --claim.lane->open_count;
  if (claim.range.is_suspect) --process.suspect_count;
  state.open.erase(row);
  return claim;
}

void end(State& state, OpenClaims::iterator row, Graveyard& graveyard) {
  OpenClaim claim = close_row(state, row);
  state.bytes -= claim.range.bytes;
  graveyard.push_back(std::move(claim.range));
}

// Puts a range behind those that lapsed before it; in a lane of keys where it was in the lane.
void put_among(const Lane& lane, std::deque<Range>& ranges, Range range) {
  const auto is_before = [](const Range& a, const Range& b) { return a.begin() < b.begin(); };
  const auto place = lane.is_keyed
                         ? std::upper_bound(ranges.begin(), ranges.end(), range, is_before)
                         : ranges.end();
  ranges.insert(place, std::move(range));
}

// Makes what is left of a claim claimable again.
void put_back(State& state, OpenClaims::iterator row) {
  OpenClaim claim = close_row(state, row);
  claim.queue->totals.leased -= claim.range.left;
  claim.queue->totals.waiting += claim.range.left;
  auto& ranges = claim.range.is_suspect ? claim.lane->suspects : claim.lane->lapsed;
  put_among(*claim.lane, ranges, std::move(claim.range));
}

void put_back_unspent(State& state, OpenClaims::iterator row) {
  --row->second.range.attempt;
  put_back(state, row);
}

// The batch died with its process: any of its messages may be the reason, so each runs alone.
void put_back_as_suspects(State& state, OpenClaims::iterator row) {
  OpenClaim claim = close_row(state, row);
  claim.queue->totals.leased -= claim.range.left;
  claim.queue->totals.waiting += claim.range.left;
  state.bytes -= claim.range.bytes;
  for (Range& one : split_alone(claim.range)) {
    state.bytes += one.bytes;
    put_among(*claim.lane, claim.lane->suspects, std::move(one));
  }
}

void count_crash(Range& range, const CrashRule& rule, const Now& now) {
  const bool is_outside = now.wall_ms - range.crashed_ms > rule.window_ms;
  if (range.crashes == 0 || is_outside) {
    range.crashes = 0;
    range.crashed_ms = now.wall_ms;
  }
  ++range.crashes;
}

StoredMessage dying_message(const Range& range) {
  const auto [part, index] = range.locate(0);
  StoredMessage message = StoredMessage::copy(part->block->view(index));
  message.counts.deliveries += range.attempt;
  message.counts.crashes += range.crashes;
  return message;
}

// A message that was alone when its process died.
void crash(State& state, OpenClaims::iterator row, const CrashRule& rule, const Now& now,
           Graveyard& graveyard) {
  Range& range = row->second.range;
  count_crash(range, rule, now);
  StoredMessage message = dying_message(range);
  if (message.counts.crashes < rule.crashes_max) return put_back(state, row);
  Queue& queue = *row->second.queue;
  const Lane& lane = *row->second.lane;
  const auto [part, index] = range.locate(0);
  if (lane.is_keyed && (lane.is_returned || is_awaited(queue, message.key, {part->seq, index})))
    note_decided(state, queue, {hash_of(message.key)}, now);
  release(state, queue, {message.id});
  --queue.totals.leased;
  --state.count;
  bury(state, queue, {std::move(message), "worker lost", now.wall_ms});
  end(state, row, graveyard);
}

// How many messages `order` decides that were not decided before.
std::uint32_t newly_done(const Range& range, const SettleOrder& order) {
  if (order.is_whole) return range.left;
  Bitmap all = range.done;
  all.merge(order.done);
  return range.left - (range.count - all.count());
}

}  // namespace

bool is_open(const State& state, const ClaimKey& claim) {
  const auto found = state.open.find(claim.gen);
  return found != state.open.end() && found->second.key == claim;
}

bool settle(State& state, const SettleOrder& order, const Now& now, Graveyard& graveyard) {
  const auto row = find_open(state, order.claim);
  if (row == state.open.end()) return false;
  Range& range = row->second.range;
  Queue& queue = *row->second.queue;
  const std::uint32_t newly = newly_done(range, order);
  MSGQ_CHECK(newly == order.acked + order.expired + order.backs.size() + order.deads.size(),
             "a settle decides each message once");
  for (const auto& back : order.backs) {
    if (back.kind == SettleOrder::Return::kBehind)
      park_behind(state, queue, back, now);
    else
      park(state, queue, back.due_ms, back.message, now);
  }
  for (const auto& dead : order.deads) bury(state, queue, {dead.message, dead.reason, now.wall_ms});
  note_decided(state, queue, order.keys, now);
  release(state, queue, order.releases);
  queue.totals.leased -= newly;
  queue.totals.done += order.acked;
  queue.totals.expired += order.expired;
  state.count -= newly;
  range.left -= newly;
  if (range.left == 0) {
    end(state, row, graveyard);
    return true;
  }
  range.done.merge(order.done);
  if (order.gives_back) put_back_unspent(state, row);
  return true;
}

bool extend(State& state, const ExtendOrder& order) {
  const auto row = find_open(state, order.claim);
  if (row == state.open.end()) return false;
  row->second.until_ms = order.until_ms;
  return true;
}

void start(State& state, const StartOrder& order) {
  const auto row = find_open(state, order.claim);
  if (row != state.open.end()) release(state, *row->second.queue, order.messages);
}

std::uint32_t reclaim(State& state, const CrashRule& rule, const Now& now, Graveyard& graveyard) {
  std::vector<std::uint64_t> gens;
  for (const auto& [gen, claim] : state.open) {
    const bool is_dead = !state.processes[claim.process].is_alive;
    if (is_dead || claim.until_ms <= now.boot_ms) gens.push_back(gen);
  }
  std::sort(gens.begin(), gens.end());  // oldest claim first, and the same order in every run
  for (const std::uint64_t gen : gens) {
    const auto row = state.open.find(gen);
    const bool is_dead = !state.processes[row->second.process].is_alive;
    if (!is_dead)
      put_back(state, row);
    else if (row->second.range.is_suspect)
      crash(state, row, rule, now, graveyard);
    else
      put_back_as_suspects(state, row);
  }
  std::erase_if(state.processes, [](const auto& entry) {
    return !entry.second.is_alive && entry.second.open_count == 0;
  });
  return static_cast<std::uint32_t>(gens.size());
}

void give_back_all(State& state, std::uint64_t owner) {
  for (auto row = state.open.begin(); row != state.open.end();) {
    const auto next = std::next(row);
    if (row->second.key.owner == owner) put_back_unspent(state, row);
    row = next;
  }
}

void lapse_all(State& state, Queue& queue) {
  for (auto row = state.open.begin(); row != state.open.end();) {
    const auto next = std::next(row);
    if (row->second.queue == &queue) put_back_unspent(state, row);
    row = next;
  }
}

Freed would_free(const State& state, const SettleOrder& order) {
  const auto row = state.open.find(order.claim.gen);
  if (row == state.open.end() || row->second.key != order.claim) return {};
  const Range& range = row->second.range;
  const std::uint32_t newly = newly_done(range, order);
  return {order.acked + order.expired, newly == range.left ? range.bytes : 0};
}

}  // namespace msgq::transport::memory
