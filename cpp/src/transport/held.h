// One claim that this process holds, and spans of it: what is handed from claimer to slots.
//
// Threads: the claim's facts are immutable; its progress belongs to the writer thread; the flags
// are atomics that any thread may read.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "model/traffic.h"
#include "transport/transport.h"

namespace msgq {

struct Held {
  Held(transport::Claimed c, Traffic& t, Nanos now, bool renews)
      : claim(std::move(c)),
        total(claim.count()),
        traffic(t),
        claimed_at(now),
        is_renewed(renews),
        until_ms(claim.until_ms) {
    std::uint32_t first = 0;
    for (const auto& part : claim.parts) {
      starts.push_back(first);
      first += part.count;
      may_expire = may_expire || part.block->may_expire();
      has_once = has_once || part.block->has_once();
    }
    if (claim.is_keyed) read_hashes();
    done = claim.done;
    done_count = done.count();
    ahead = claim.ahead;
  }

  // Block and index in it of an ordinal.
  std::pair<const transport::Block*, std::uint32_t> locate(std::uint32_t ordinal) const {
    if (starts.size() == 1)
      return {claim.parts.front().block.get(), claim.parts.front().first + ordinal};
    const auto after = std::upper_bound(starts.begin(), starts.end(), ordinal);
    const auto part = static_cast<std::size_t>(after - starts.begin()) - 1;
    return {claim.parts[part].block.get(), claim.parts[part].first + ordinal - starts[part]};
  }
  // Where a message stands in the order of its key. REQUIRES: the claim is of a lane of keys.
  KeyPlace place(std::uint32_t ordinal) const {
    const auto [block, index] = locate(ordinal);
    if (claim.is_returned) return block->key(index).second;
    const auto after = std::upper_bound(starts.begin(), starts.end(), ordinal);
    return {claim.parts[static_cast<std::size_t>(after - starts.begin()) - 1].seq, index};
  }
  // Appends the ids of what is not done of [from, to) and is remembered until then.
  void add_once(std::uint32_t from, std::uint32_t to, Once::Until until,
                std::vector<MessageId>& out) const {
    for (std::uint32_t i = from; has_once && i < to; ++i) {
      if (done.has(i)) continue;
      const auto [block, index] = locate(i);
      if (!block->has_once()) continue;
      try {
        const MessageView message = block->view(index);
        const Once once = Once::decode(message.once);
        if (!once.empty() && once.until == until) out.push_back(message.id);
      } catch (const Error&) {  // one odd frame must not end the engine
      }
    }
  }
  // Appends the bodies of the ordinals [from, to).
  void add_bodies(std::uint32_t from, std::uint32_t to, std::vector<std::string_view>& out) const {
    while (from < to) {
      const auto [block, index] = locate(from);
      const auto after = std::upper_bound(starts.begin(), starts.end(), from);
      const std::uint32_t end = after == starts.end() ? to : std::min(to, *after);
      block->add_bodies(index, index + (end - from), out);
      from = end;
    }
  }
  bool is_expired(std::uint32_t ordinal, std::int64_t now_ms) const {
    if (!may_expire) return false;
    const auto [block, index] = locate(ordinal);
    const std::int64_t at = block->expires_ms(index);
    return at != 0 && at <= now_ms;
  }
  // End of the run of ordinals from `ordinal` on that share type and content and are in one block.
  std::uint32_t uniform_end(std::uint32_t ordinal) const {
    const auto [block, index] = locate(ordinal);
    const auto after = std::upper_bound(starts.begin(), starts.end(), ordinal);
    const auto part = static_cast<std::size_t>(after - starts.begin()) - 1;
    const std::uint32_t part_end = starts[part] + claim.parts[part].count;
    return std::min(part_end, ordinal + block->uniform_end(index) - index);
  }

  // fixed after construction
  const transport::Claimed claim;
  const std::uint32_t total;
  Traffic& traffic;
  const Nanos claimed_at;
  const bool is_renewed;              // by the keeper; false: an explicit lease of a raw claim
  std::vector<std::uint32_t> starts;  // first ordinal of each part
  bool may_expire = false;            // any of it
  bool has_once = false;              // some of it has dedup ids
  std::vector<std::uint64_t> hashes;  // of a claim of keys: of each message
  // only the writer thread
  Bitmap done;
  std::uint32_t done_count = 0;
  bool gives_back = false;  // asked for: what is not done goes back unspent
  Bitmap left;              // ordinals that nobody here can decide
  bool is_lapsing = false;  // not renewed: some of it is left, or of a newer msgq
  Bitmap returned;          // of a claim of keys: ordinals that go back when the rest is decided
  std::uint32_t returned_count = 0;
  Bitmap ahead;  // of a claim of keys: ordinals that parked ones wait for
  // atomic: written by the writer, read by slots before they run a message
  std::atomic<std::int64_t> until_ms;
  std::atomic<bool> is_lost{false};
  // atomic: written before a user's transaction acknowledges any of it, read when it is settled
  std::atomic<bool> has_acks{false};

 private:
  void read_hashes() {
    hashes.reserve(total);
    for (const auto& part : claim.parts)
      for (std::uint32_t i = 0; i < part.count; ++i)
        hashes.push_back(hash_of(part.block->key(part.first + i).first));
  }
};

using HeldPtr = std::shared_ptr<Held>;

struct Span {
  HeldPtr held;
  std::uint32_t from = 0, to = 0;  // ordinals [from, to)
  std::uint32_t count() const { return to - from; }
};

// Messages of a key that are to be parked behind those of it that are in hand, in their order.
struct Shed {
  std::vector<Span> in_hand, behind;
};

// Moves what is expired at `now_ms`, of the store's clock, out of `spans` into `expired`.
inline void split_expired(std::vector<Span>& spans, std::vector<Span>& expired,
                          std::int64_t now_ms) {
  std::vector<Span> live;
  for (const Span& span : spans)
    for (std::uint32_t i = span.from, end; i < span.to; i = end) {
      const bool is_over = span.held->is_expired(i, now_ms);
      for (end = i + 1; end < span.to && span.held->is_expired(end, now_ms) == is_over; ++end) {
      }
      (is_over ? expired : live).push_back({span.held, i, end});
    }
  spans = std::move(live);
}

}  // namespace msgq
