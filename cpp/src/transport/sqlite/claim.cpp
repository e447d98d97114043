#include "transport/sqlite/claim.h"

#include <algorithm>
#include <map>
#include <string>

#include "transport/sqlite/cut.h"

namespace msgq::transport::sqlite {
namespace {

bool has_suspect(const std::vector<ClaimRow>& rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [](const ClaimRow& row) { return row.is_suspect && row.n > 0; });
}

// What may be claimed of one band.
struct Work {
  std::uint8_t band = kPriorityNormal;
  Band lanes;
  std::vector<ClaimRow> returned, main;  // lapsed
  std::int64_t rank = 0;

  bool has_suspect() const { return sqlite::has_suspect(returned) || sqlite::has_suspect(main); }
};

// What is known of a key.
struct AwayKey {
  std::optional<FirstOfKey> first;
  KeyPlace waits_for;
};

// One wish on its way through the lanes of its queue.
class Cutter {
 public:
  Cutter(Store& store, const Queue& queue, const ClaimWish& wish, ClaimAnswer& out)
      : store_(store), queue_(queue), wish_(wish), out_(out), room_(wish) {}

  void take_lapsed(std::int64_t lane, std::vector<ClaimRow>& rows) {
    for (ClaimRow& row : rows) {
      if (row.is_suspect) continue;
      while (row.n > 0 && !room_.is_spent() && take_front(lane, row, room_)) {
      }
      out_.has_more |= row.n > 0;
    }
  }

  void begin_band(const Work& work) { is_keyed_ = is_keyed(work.band); }

  // What may be taken of a lane of keys, in order. False: some of it stays, and nothing behind it
  // may go.
  bool take_keyed(std::int64_t lane, std::vector<ClaimRow>& rows) {
    if (lane == 0) return true;
    for (ClaimRow& row : rows) {
      if (row.is_suspect && row.n > 0) return false;
      while (row.n > 0 && !room_.is_spent() && take_front(lane, row, room_)) {
      }
      if (row.n == 0) continue;
      out_.has_more = true;
      return false;
    }
    const bool had_more = std::exchange(out_.has_more, false);
    take_waiting(lane);
    const bool is_empty = !out_.has_more;
    out_.has_more |= had_more;
    return is_empty;
  }

  bool take_suspect(std::int64_t lane, std::vector<ClaimRow>& rows) {
    for (ClaimRow& row : rows) {
      if (is_keyed_ && !row.is_suspect && row.n > 0) return false;
      Room one = Room::for_one();
      while (row.is_suspect && row.n > 0)
        if (take_front(lane, row, one) && !out_.claims.empty()) return true;
    }
    return false;
  }

  void take_waiting(std::int64_t lane) {
    while (!take_blocks(lane)) {
    }
  }

 private:
  // Cuts what `room` allows off a lapsed row and claims it. False when nothing can be done with it.
  bool take_front(std::int64_t lane, ClaimRow& row, Room& room) {
    if (!is_complete(store_, queue_, row)) {
      row.n = 0;
      return false;
    }
    Front front = cut_front(row, store_.blocks.scan(lane, row.from.seq), room);
    if (front.n == 0 && front.damaged) return skip_in_range(lane, row, *front.damaged);
    const Newest newest = store_.claims.read_newest(queue_.subscription, lane);
    ClaimRow open = row;
    open.n = front.n;
    open.to = front.to;
    open.done = row.done.below(front.n);
    ClaimRow rest = row;
    rest.n -= front.n;
    rest.from = front.to;
    rest.done = row.done.shifted(front.n);
    if (rest.left() == 0) {  // nothing to run behind it: it goes along
      open.n = row.n;
      open.to = row.to;
      open.done = row.done;
      rest.n = 0;
    }
    room.spend(front.left, front.bytes);
    open.kind = ClaimKind::kReclaim;
    ++open.attempt;
    open.position = newest.position;
    open_claim(lane, open, newest, std::move(front.parts));
    replace(row, rest);
    row = rest;
    return true;
  }

  void replace(const ClaimRow& row, const ClaimRow& rest) {
    if (rest.n == 0)
      store_.claims.remove(row);
    else
      store_.claims.cut(rest);
  }

  // Leaves the damaged block at the front of a lapsed row out of it.
  bool skip_in_range(std::int64_t lane, ClaimRow& row, const BlockRow& damaged) {
    const std::int64_t first = damaged.seq == row.from.seq ? row.from.index : 0;
    const std::int64_t last = damaged.seq == row.to.seq ? row.to.index : damaged.n;
    const auto n = static_cast<std::uint32_t>(last - first);
    ClaimRow rest = row;
    rest.n -= n;
    rest.done = row.done.shifted(n);
    rest.from = std::min(row.to, Place{damaged.seq + 1, 0});
    put_aside(lane, damaged, first, last, row.left() - rest.left());
    if (rest.n > 0) {
      store_.claims.cut(rest);
    } else {
      ClaimRow ended = row;
      ended.is_newest = store_.claims.read_newest(queue_.subscription, lane).gen == row.gen;
      store_.claims.end(ended);
    }
    row = rest;
    return true;
  }

  // Of its messages [first, last), of which so many are lost.
  void put_aside(std::int64_t lane, const BlockRow& damaged, std::int64_t first, std::int64_t last,
                 std::uint32_t lost) {
    if (!damaged.is_known_damaged) {
      store_.blocks.quarantine(lane, damaged.seq, queue_.id, store_.now.wall_ms);
      store_.log.write(LogLevel::kError, "queue '" + queue_.name + "': a damaged block of " +
                                             std::to_string(damaged.n) +
                                             " messages was put into quarantine");
    }
    store_.totals.change(queue_.subscription).quarantined += lost;
    store_.dedup.release(queue_.id, store_.blocks.ids_in_quarantine(
                                        lane, damaged.seq, static_cast<std::uint32_t>(first),
                                        static_cast<std::uint32_t>(last)));
    if (is_keyed_) store_.free_keys_at_ms = 0;
    store_.claims.note_edge(queue_.subscription, lane, damaged.seq);
  }

  // Claims the next blocks behind the position. False when a damaged one was skipped: look again.
  bool take_blocks(std::int64_t lane) {
    const Newest newest = store_.claims.read_newest(queue_.subscription, lane);
    const Place start = newest.position;
    ClaimRow open;
    std::vector<BlockPart> parts;
    BlockRow damaged;
    bool has_damaged = false;
    {
      auto scan = store_.blocks.scan(lane, start.seq);
      while (scan.next()) {
        const Place from{scan.seq(), scan.seq() == start.seq ? start.index : 0};
        if (from.index >= scan.count()) continue;
        if (room_.is_spent()) {
          out_.has_more = true;
          break;
        }
        BlockRow found = scan.read();
        if (found.block == nullptr) {
          damaged = std::move(found);
          has_damaged = true;
          break;
        }
        const auto first = static_cast<std::uint32_t>(from.index);
        const std::uint32_t count = fit(room_, *found.block, first);
        if (count == 0) {
          out_.has_more = true;
          break;
        }
        if (parts.empty()) open.from = from;
        open.n += count;
        room_.spend(count, found.block->body_bytes(first, first + count));
        const bool is_rest = first + count == found.n;
        open.to = is_rest ? Place{from.seq + 1, 0} : Place{from.seq, first + count};
        parts.push_back(
            {std::move(found.block), first, count, static_cast<std::uint64_t>(from.seq)});
        if (!is_rest) {
          out_.has_more = true;
          break;
        }
      }
    }
    if (parts.empty() && has_damaged) {
      skip_waiting(lane, newest, damaged);
      return false;
    }
    out_.has_more |= has_damaged;
    if (parts.empty()) return true;
    open.subscription = queue_.subscription;
    open.lane = lane;
    open.position = open.to;
    open_claim(lane, open, newest, std::move(parts));
    return true;
  }

  // Moves the position over a damaged block.
  void skip_waiting(std::int64_t lane, const Newest& newest, const BlockRow& damaged) {
    const std::int64_t first = damaged.seq == newest.position.seq ? newest.position.index : 0;
    ClaimRow seek;
    seek.subscription = queue_.subscription;
    seek.lane = lane;
    seek.gen = store_.counter.draw();
    seek.owner = store_.author.owner;
    seek.kind = ClaimKind::kSeek;
    seek.state = ClaimState::kSettled;
    seek.from = seek.to = seek.position = {damaged.seq + 1, 0};
    store_.claims.insert(seek, newest);
    put_aside(lane, damaged, first, damaged.n, damaged.n - static_cast<std::uint32_t>(first));
  }

  // Makes the claim's row, then tells of it: the attempt is counted before anybody sees a message.
  void open_claim(std::int64_t lane, ClaimRow& row, const Newest& newest,
                  std::vector<BlockPart> parts) {
    row.gen = store_.counter.draw();
    row.owner = store_.author.owner;
    row.state = ClaimState::kOpen;
    row.lease_ms = wish_.lease_ms;
    row.until_ms = store_.now.boot_ms + wish_.lease_ms;
    store_.claims.insert(row, newest);
    store_.totals.change(queue_.subscription).leased += row.left();
    Claimed& told = out_.claims.emplace_back();
    told.key = {static_cast<std::uint64_t>(row.subscription), static_cast<std::uint64_t>(lane),
                static_cast<std::uint64_t>(row.gen), static_cast<std::uint64_t>(row.owner)};
    told.queue = queue_.name;
    told.attempt = row.attempt;
    told.crashes = row.crashes;
    told.is_suspect = row.is_suspect;
    told.until_ms = row.until_ms;
    told.parts = std::move(parts);
    told.done = row.done;
    told.is_keyed = is_keyed_;
    told.is_returned = !queue_.is_main(lane);
    if (told.is_keyed && store_.away_keys.has_any(queue_.id)) tell_away(told);
  }

  // Which messages must wait for parked ones of their keys, or those for them.
  void tell_away(Claimed& told) {
    std::uint32_t ordinal = 0;
    for (const BlockPart& part : told.parts)
      for (std::uint32_t i = part.first; i < part.first + part.count; ++i, ++ordinal) {
        const auto [key, place] = part.block->key(i);
        const KeyPlace own = place.seq != 0 ? place : KeyPlace{part.seq, i};
        const AwayKey& about = about_key(hash_of(key));
        if (about.first && about.first->place < own) told.away.set(ordinal);
        if (about.waits_for == own) told.ahead.set(ordinal);
      }
  }

  const AwayKey& about_key(std::uint64_t hash) {
    const auto [found, is_new] = away_keys_.try_emplace(hash);
    if (is_new)
      found->second = {store_.away_keys.first(queue_.id, hash),
                       store_.away_keys.waits_for(queue_.id, hash)};
    return found->second;
  }

  Store& store_;
  const Queue& queue_;
  const ClaimWish& wish_;
  ClaimAnswer& out_;
  Room room_;
  bool is_keyed_ = false;                       // of the band that is being cut
  std::map<std::uint64_t, AwayKey> away_keys_;  // by hash
};

// When what is next in a lane was written; nullopt: nothing waits there.
std::optional<std::int64_t> waits_since(Store& store, const Queue& queue, std::int64_t lane,
                                        const std::vector<ClaimRow>& lapsed) {
  if (lane == 0) return std::nullopt;
  const Place position = store.claims.read_newest(queue.subscription, lane).position;
  return store.headers.written_from(lane, lapsed.empty() ? position.seq : lapsed.front().from.seq);
}

// By priority, and a priority whose oldest message waits rises by one each `aging_ms`.
void rank(Store& store, const Queue& queue, std::vector<Work>& all) {
  const std::int64_t aging_ms = store.rules.priority_aging_ms;
  if (aging_ms == 0 || all.size() < 2) return;
  for (Work& work : all) {
    const auto main = waits_since(store, queue, work.lanes.main, work.main);
    const auto returned = waits_since(store, queue, work.lanes.returned, work.returned);
    const std::int64_t now = store.now.wall_ms;
    const std::int64_t since = std::min(main.value_or(now), returned.value_or(now));
    const std::int64_t priority = is_keyed(work.band) ? kPriorityNormal : work.band;
    work.rank = priority * aging_ms + now - since;
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Work& a, const Work& b) { return a.rank > b.rank; });
}

// What this process has open of a shard of keys.
Share::Open open_of(Store& store, const Queue& queue, std::size_t shard) {
  Share::Open out;
  const auto found = queue.bands.find(static_cast<std::uint8_t>(kKeyedBand + shard));
  if (found == queue.bands.end()) return out;
  const Band& band = found->second;
  if (store.away_keys.is_held_elsewhere(queue.subscription, band.main, band.returned,
                                        store.process))
    return out;
  for (const std::int64_t lane : {band.main, band.returned})
    for (const ClaimRow& row : store.claims.read_of_lane(queue.subscription, lane)) {
      if (row.state != ClaimState::kOpen) continue;
      const auto gen = static_cast<std::uint64_t>(row.gen);
      out.oldest = out.oldest == 0 ? gen : std::min(out.oldest, gen);
      out.newest = std::max(out.newest, gen);
    }
  return out;
}

// `is_barred`: another process has shards of keys in its hands.
std::vector<Work> work_of(Store& store, const Queue& queue, bool& is_barred) {
  std::vector<Work> out;
  const auto lapsed = [&](std::int64_t lane) {
    return lane == 0 ? std::vector<ClaimRow>() : store.claims.read_lapsed(queue.subscription, lane);
  };
  // Of keys: what can never be run holds nothing back.
  const auto runnable = [&](std::int64_t lane) {
    auto rows = lapsed(lane);
    std::erase_if(rows, [&](const ClaimRow& row) { return !is_complete(store, queue, row); });
    return rows;
  };
  const Share* share = nullptr;
  if (queue.has_keys())
    share =
        &store.readers.share_of(queue.subscription, store.process, store.now.boot_ms,
                                [&](std::size_t shard) { return open_of(store, queue, shard); });
  for (const auto& [number, band] : queue.bands) {
    const bool is_held =
        is_keyed(number) && store.away_keys.is_held_elsewhere(queue.subscription, band.main,
                                                              band.returned, store.process);
    is_barred |= is_held;
    if (is_held || (share != nullptr && !share->has(number))) continue;
    if (is_keyed(number))
      out.push_back({number, band, runnable(band.returned), runnable(band.main), 0});
    else
      out.push_back({number, band, lapsed(band.returned), lapsed(band.main), 0});
  }
  std::stable_partition(out.begin(), out.end(), [](const Work& work) {
    return !is_keyed(work.band) && work.band > kPriorityNormal;
  });
  // Shards of keys, and what has none, are of one rank: each is the first in its turn.
  const auto is_normal = [](const Work& work) {
    return is_keyed(work.band) || work.band == kPriorityNormal;
  };
  const auto first = std::find_if(out.begin(), out.end(), is_normal);
  const auto last = std::find_if_not(first, out.end(), is_normal);
  if (last - first > 1) std::rotate(first, first + store.counter.last() % (last - first), last);
  rank(store, queue, out);
  return out;
}

void say_if_it_claims(Store& store, const Queue& queue, bool is_barred, const ClaimAnswer& out) {
  const bool has_some = std::any_of(out.claims.begin(), out.claims.end(),
                                    [](const Claimed& claimed) { return claimed.is_keyed; });
  if (is_barred || has_some || out.has_more)
    store.readers.say(queue.subscription, store.process, is_barred, store.now.boot_ms);
}

void claim(Store& store, const ClaimWish& wish, ClaimAnswer& out) {
  const Queue* const queue = store.directory.find(wish.queue);
  if (queue == nullptr || queue->settings.is_paused || wish.count_max == 0) return;
  bool is_barred = false;
  std::vector<Work> all = work_of(store, *queue, is_barred);
  const auto has_suspects = [&] {
    return std::any_of(all.begin(), all.end(), [](const Work& w) { return w.has_suspect(); });
  };
  Cutter cutter(store, *queue, wish, out);
  if (store.runs_suspect || has_suspects()) {
    const HeldCount held = store.claims.count_of_process(store.process);
    store.runs_suspect = held.suspect > 0;
    if (!store.runs_suspect && wish.may_take_suspect && held.all == 0)
      store.runs_suspect = std::any_of(all.begin(), all.end(), [&](Work& work) {
        cutter.begin_band(work);
        if (cutter.take_suspect(work.lanes.returned, work.returned)) return true;
        // Of a key, what came back comes first, lapsed or waiting.
        const bool is_next =
            !is_keyed(work.band) ||
            (work.returned.empty() && !has_waiting(store, *queue, work.lanes.returned));
        return is_next && cutter.take_suspect(work.lanes.main, work.main);
      });
  }
  for (Work& work : all) {
    if (store.runs_suspect) break;  // it is alone in its process, or its crash would prove nothing
    cutter.begin_band(work);
    if (is_keyed(work.band)) {
      if (cutter.take_keyed(work.lanes.returned, work.returned))
        cutter.take_keyed(work.lanes.main, work.main);
      continue;
    }
    cutter.take_lapsed(work.lanes.returned, work.returned);
    cutter.take_lapsed(work.lanes.main, work.main);
    if (work.lanes.returned != 0) cutter.take_waiting(work.lanes.returned);
    if (work.lanes.main != 0) cutter.take_waiting(work.lanes.main);
  }
  out.suspects_waiting = has_suspects();
  if (queue->has_keys()) say_if_it_claims(store, *queue, is_barred, out);
}

}  // namespace

bool is_complete(Store& store, const Queue& queue, const ClaimRow& row) {
  std::int64_t counted = 0;
  auto scan = store.blocks.scan(row.lane, row.from.seq, row.to.seq + (row.to.index > 0 ? 1 : 0));
  while (scan.next()) {
    const std::int64_t first = scan.seq() == row.from.seq ? row.from.index : 0;
    counted += (scan.seq() == row.to.seq ? row.to.index : scan.count()) - first;
  }
  if (counted == row.n) return true;
  if (store.reported_gens.insert(row.gen).second)
    store.log.write(LogLevel::kError, "queue '" + queue.name + "': a block of claim " +
                                          std::to_string(row.gen) + " is missing, its " +
                                          std::to_string(row.left()) +
                                          " messages cannot be run; restore a backup");
  return false;
}

bool has_waiting(Store& store, const Queue& queue, std::int64_t lane) {
  if (lane == 0) return false;
  const Place start = store.claims.read_newest(queue.subscription, lane).position;
  auto scan = store.blocks.scan(lane, start.seq);
  while (scan.next())
    if (scan.seq() > start.seq || scan.count() > start.index) return true;
  return false;
}

void claim_all(Store& store, const std::vector<ClaimWish>& wishes, std::vector<ClaimAnswer>& out) {
  out.resize(wishes.size());
  std::uint32_t left = 0;  // of the room of the wish before
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    ClaimWish wish = wishes[i];
    if (wish.continues) wish.count_max = std::min(wish.count_max, left);
    if (wish.count_max > 0)
      claim(store, wish, out[i]);
    else
      out[i].has_more = true;  // nobody looked; whoever has room again should
    std::uint32_t taken = 0;
    for (const Claimed& claimed : out[i].claims) taken += claimed.count() - claimed.done.count();
    left = wish.count_max - std::min(wish.count_max, taken);
  }
}

}  // namespace msgq::transport::sqlite
