#include "transport/memory/claim.h"

#include <algorithm>
#include <utility>

#include "transport/memory/keys.h"

namespace msgq::transport::memory {
namespace {

// One wish on its way through the lanes of its queue.
class Cutter {
 public:
  Cutter(State& state, Queue& queue, const Caller& caller, const ClaimWish& wish,
         std::uint32_t count_max, const Now& now, ClaimAnswer& out)
      : state_(state),
        queue_(queue),
        caller_(caller),
        wish_(wish),
        now_(now),
        out_(out),
        room_(count_max, wish.bytes_max, wish.is_exact) {}

  bool take_suspect(Lane& lane) {
    if (lane.suspects.empty() || (lane.is_keyed && lapsed_first(lane))) return false;
    Range range = std::move(lane.suspects.front());
    lane.suspects.pop_front();
    open(lane, std::move(range));
    return true;
  }

  void take_lapsed(Lane& lane) {
    while (!lane.lapsed.empty() && !room_.is_spent()) take_first_lapsed(lane);
  }

  // What is left of a lane of keys, in order. False: some of it stays, and nothing behind it may
  // go.
  bool take_keyed(Lane& lane) {
    while (lapsed_first(lane) && !room_.is_spent()) take_first_lapsed(lane);
    if (!lane.lapsed.empty() || !lane.suspects.empty()) return false;
    take_waiting(lane);
    return lane.waiting.empty();
  }

  void take_waiting(Lane& lane) {
    Range range;
    while (!lane.waiting.empty()) {
      Waiting& front = lane.waiting.front();
      const std::uint32_t count = fit(room_, *front.block, front.first);
      if (count == 0) break;
      const bool is_rest = front.first + count == front.block->count();
      const std::uint64_t before = range.bytes;
      range.add({front.seq, is_rest ? std::move(front.block) : front.block, front.first, count});
      room_.spend(count, range.bytes - before);
      front.first += count;
      if (!is_rest) break;
      lane.waiting.pop_front();
    }
    if (range.count > 0) open(lane, std::move(range));
  }

 private:
  // Whether what lapsed comes before all suspects.
  static bool lapsed_first(const Lane& lane) {
    return !lane.lapsed.empty() &&
           (lane.suspects.empty() || lane.lapsed.front().begin() < lane.suspects.front().begin());
  }

  void take_first_lapsed(Lane& lane) {
    open(lane, split_front(lane.lapsed.front(), room_));
    if (lane.lapsed.front().count == 0) lane.lapsed.pop_front();
  }

  // Makes the claim's row, then tells of it: the attempt is counted before anybody sees a message.
  void open(Lane& lane, Range range) {
    const std::uint64_t gen = state_.draw();
    ++range.attempt;
    queue_.totals.waiting -= range.left;
    queue_.totals.leased += range.left;
    Process& process = state_.processes[caller_.process];
    ++process.open_count;
    if (range.is_suspect) ++process.suspect_count;
    ++lane.open_count;
    lane.holder = caller_.process;
    OpenClaim& claim = state_.open[gen];
    claim.key = {queue_.subscription, lane.number, gen, caller_.owner};
    claim.queue = &queue_;
    claim.lane = &lane;
    claim.process = caller_.process;
    claim.until_ms = now_.boot_ms + wish_.lease_ms;
    claim.range = std::move(range);
    tell(claim);
  }

  void tell(const OpenClaim& claim) {
    Claimed& told = out_.claims.emplace_back();
    told.key = claim.key;
    told.queue = queue_.name;
    told.attempt = claim.range.attempt;
    told.crashes = claim.range.crashes;
    told.is_suspect = claim.range.is_suspect;
    told.until_ms = claim.until_ms;
    told.done = claim.range.done;
    told.parts.reserve(claim.range.parts.size());
    for (const Part& part : claim.range.parts)
      told.parts.push_back({part.block, part.first, part.count, part.seq});
    told.is_keyed = claim.lane->is_keyed;
    told.is_returned = claim.lane->is_returned;
    if (told.is_keyed && !queue_.away_keys.empty()) tell_away(claim, told);
  }

  void tell_away(const OpenClaim& claim, Claimed& told) {
    for (std::uint32_t i = 0; i < claim.range.count; ++i) {
      if (claim.range.done.has(i)) continue;
      const auto [part, index] = claim.range.locate(i);
      const auto [key, place] = part->block->key(index);
      const KeyPlace own = place.seq != 0 ? place : KeyPlace{part->seq, index};
      memory::tell_away(queue_, key, own, i, told);
    }
  }

  State& state_;
  Queue& queue_;
  const Caller& caller_;
  const ClaimWish& wish_;
  const Now& now_;
  ClaimAnswer& out_;
  Room room_;
};

// The bands in the order in which they are served: by priority, and a band whose oldest message
// waits rises by one each `aging_ms`; 0: none rises.
std::vector<Band*> bands_in_order(Queue& queue, const Caller& caller, const Share* share,
                                  std::int64_t aging_ms, const Now& now) {
  std::vector<std::pair<std::int64_t, Band*>> ranked;
  for (auto& [number, band] : queue.bands) {
    if (!band.has_work() && !band.has_suspects()) continue;
    if (band.is_barred(caller.process) || (share != nullptr && !share->has(number))) continue;
    std::int64_t rank = is_keyed(number) ? kPriorityNormal : number;
    if (aging_ms > 0 && queue.bands.size() > 1) {
      const std::int64_t main = waits_since(band.main), returned = waits_since(band.returned);
      const std::int64_t since = main == 0 || (returned != 0 && returned < main) ? returned : main;
      rank = rank * aging_ms + (now.wall_ms - since);
    }
    ranked.emplace_back(rank, &band);
  }
  // Shards of keys are of one rank: each is the first in its turn.
  if (!ranked.empty()) {
    const auto first = static_cast<std::ptrdiff_t>(queue.turn++ % ranked.size());
    std::rotate(ranked.begin(), ranked.begin() + first, ranked.end());
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Band*> out;
  out.reserve(ranked.size());
  for (const auto& [rank, band] : ranked) out.push_back(band);
  return out;
}

void take_band(Cutter& cutter, Band& band) {
  if (band.main.is_keyed) {
    if (cutter.take_keyed(band.returned)) cutter.take_keyed(band.main);
    return;
  }
  cutter.take_lapsed(band.returned);
  cutter.take_lapsed(band.main);
  cutter.take_waiting(band.returned);
  cutter.take_waiting(band.main);
}

void say_if_it_claims(Queue& queue, const Caller& caller, const Now& now, const ClaimAnswer& out) {
  const bool is_barred = std::any_of(queue.bands.begin(), queue.bands.end(), [&](const auto& each) {
    return each.second.is_barred(caller.process);
  });
  const bool has_some = std::any_of(out.claims.begin(), out.claims.end(),
                                    [](const Claimed& claimed) { return claimed.is_keyed; });
  if (is_barred || has_some || out.has_more) say_it_claims(queue, caller.process, is_barred, now);
}

void claim(State& state, const Caller& caller, const ClaimWish& wish, std::uint32_t count_max,
           const Now& now, ClaimAnswer& out) {
  Queue* const queue = state.find_queue(wish.queue);
  if (queue == nullptr || queue->settings.is_paused) return;
  const Process& process = state.processes[caller.process];
  Cutter cutter(state, *queue, caller, wish, count_max, now, out);
  const bool is_of_keys = count_max > 0 && queue->has_keys();
  const Share* const share = is_of_keys ? &share_of(state, *queue, caller.process, now) : nullptr;
  const auto bands = bands_in_order(*queue, caller, share, state.priority_aging_ms, now);
  const auto take_suspect = [&](Band* band) {
    if (cutter.take_suspect(band->returned)) return true;
    const bool is_next = !band->main.is_keyed || !band->returned.has_work();
    return is_next && cutter.take_suspect(band->main);
  };
  const bool is_free = process.open_count == 0;
  const bool runs_suspect =
      process.suspect_count > 0 || (wish.may_take_suspect && is_free && count_max > 0 &&
                                    std::any_of(bands.begin(), bands.end(), take_suspect));
  for (Band* band : bands) {
    if (!runs_suspect) {  // a suspect is alone in its process, or its crash would prove nothing
      take_band(cutter, *band);
      out.has_more = out.has_more || band->has_work();
    }
    out.suspects_waiting = out.suspects_waiting || band->has_suspects();
  }
  if (is_of_keys) say_if_it_claims(*queue, caller, now, out);
}

}  // namespace

void claim_all(State& state, const Caller& caller, const std::vector<ClaimWish>& wishes,
               const Now& now, std::vector<ClaimAnswer>& out) {
  out.clear();
  out.resize(wishes.size());
  std::uint32_t left = 0;  // of the room of the wish before
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    const ClaimWish& wish = wishes[i];
    const std::uint32_t room = wish.continues ? std::min(wish.count_max, left) : wish.count_max;
    claim(state, caller, wish, room, now, out[i]);
    std::uint32_t taken = 0;
    for (const Claimed& claimed : out[i].claims) taken += claimed.count() - claimed.done.count();
    left = room - std::min(room, taken);
  }
}

}  // namespace msgq::transport::memory
