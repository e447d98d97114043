#include "transport/postgres/claims.h"

#include <algorithm>
#include <utility>

#include "msgq/error.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace msgq::transport::postgres {
namespace {

enum ClaimColumn {
  kSubscription,
  kLane,
  kGen,
  kAttempt,
  kCrashes,
  kIsSuspect,
  kLoSeq,
  kLoIndex,
  kHiSeq,
  kHiIndex,
  kN,
  kDone,
  kLeaseMs,
  kSeq,
  kCount,
  kChecksum,
  kFrames
};

// nullptr when the bytes are not what was written.
BlockPtr decode(std::string_view bytes, std::uint64_t checksum) {
  if (XXH3_64bits(bytes.data(), bytes.size()) != checksum) return nullptr;
  try {
    return Block::decode(bytes);
  } catch (const Error&) {
    return nullptr;
  }
}

// Stands in for a block that cannot be read: its messages are never run.
BlockPtr blank(std::uint32_t count) {
  Parcel parcel;
  for (std::uint32_t i = 0; i < count; ++i) parcel.add({}, {});
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  return Block::build(std::move(parcels), 0);
}

Claimed begin_claim(const Rows& rows, int row, std::int64_t owner, std::int64_t boot_ms,
                    const Directory& queues) {
  const auto number = [&](ClaimColumn column) {
    return static_cast<std::uint64_t>(rows.integer(row, column));
  };
  Claimed out;
  out.key = {number(kSubscription), number(kLane), number(kGen), static_cast<std::uint64_t>(owner)};
  if (const Queue* queue = queues.of_subscription(static_cast<int>(number(kSubscription)))) {
    const int lane = static_cast<int>(number(kLane));
    out.queue = queue->name;
    out.is_keyed = queue->has_keys() && queue->is_keyed(lane);
    out.is_returned = queue->is_returned(lane);
  }
  out.attempt = static_cast<std::uint32_t>(number(kAttempt));
  out.crashes = static_cast<std::uint32_t>(number(kCrashes));
  out.is_suspect = number(kIsSuspect) != 0;
  out.until_ms = boot_ms + rows.integer(row, kLeaseMs);
  if (rows.is_null(row, kDone)) return out;
  const std::string_view bits = rows.bytes(row, kDone);
  for (std::uint32_t i = 0; i < bits.size(); ++i)
    if (bits[i] == '1') out.done.set(i);
  return out;
}

// The block of a row, from the cache when it came without its frames.
BlockPtr read_block(const Rows& rows, int row, BlockCache& cache) {
  const std::int64_t seq = rows.integer(row, kSeq);
  if (rows.is_null(row, kFrames)) return cache.find(seq);
  return decode(rows.bytes(row, kFrames), static_cast<std::uint64_t>(rows.integer(row, kChecksum)));
}

void add_part(const Rows& rows, int row, Claimed& claimed, BlockCache& cache,
              std::vector<BadBlock>& bad) {
  const std::int64_t seq = rows.integer(row, kSeq);
  const auto total = static_cast<std::uint32_t>(rows.integer(row, kCount));
  const std::int64_t first = seq == rows.integer(row, kLoSeq) ? rows.integer(row, kLoIndex) : 0;
  const bool is_cut = seq == rows.integer(row, kHiSeq);
  const std::int64_t last = is_cut ? rows.integer(row, kHiIndex) : total;
  const auto from = static_cast<std::uint32_t>(first);
  const auto count = static_cast<std::uint32_t>(last - first);
  BlockPtr block = read_block(rows, row, cache);
  if (block == nullptr || block->count() != total) {
    const std::uint32_t ordinal = claimed.count();
    bad.push_back({claimed.key, seq, ordinal, count});
    claimed.done.set_range(ordinal, ordinal + count);
    block = blank(total);
  } else if (is_cut) {
    cache.put(seq, block);
  }
  claimed.parts.push_back({std::move(block), from, count, static_cast<std::uint64_t>(seq)});
}

}  // namespace

BlockPtr BlockCache::find(std::int64_t seq) const {
  for (const auto& [known, block] : blocks_)
    if (known == seq) return block;
  return nullptr;
}

void BlockCache::put(std::int64_t seq, const BlockPtr& block) {
  if (find(seq) != nullptr) return;
  if (blocks_.size() == kCountMax) blocks_.pop_back();
  blocks_.emplace_front(seq, block);
}

Array BlockCache::known() const {
  Array out(Array::Type::kInt8);
  for (const auto& entry : blocks_) out.add(entry.first);
  return out;
}

ReadClaims read_claims(const Rows& rows, std::int64_t owner, std::int64_t boot_ms,
                       const Directory& queues, BlockCache& cache) {
  ReadClaims out;
  for (int row = 0; row < rows.size(); ++row) {
    const auto gen = static_cast<std::uint64_t>(rows.integer(row, kGen));
    if (out.claims.empty() || out.claims.back().key.gen != gen)
      out.claims.push_back(begin_claim(rows, row, owner, boot_ms, queues));
    if (!rows.is_null(row, kSeq)) add_part(rows, row, out.claims.back(), cache, out.bad);
    const bool is_last =
        row + 1 == rows.size() || static_cast<std::uint64_t>(rows.integer(row + 1, kGen)) != gen;
    const auto n = static_cast<std::uint32_t>(rows.integer(row, kN));
    Claimed& claimed = out.claims.back();
    if (is_last && claimed.count() != n) {  // ordinals would name other messages: nothing is run
      out.bad.push_back({claimed.key, 0, 0, n});
      out.claims.pop_back();
    }
  }
  return out;
}

// Which messages of keys must wait for parked ones, or those for them. Nobody else parks of their
// shards, or brings back, while we hold them.
void find_away(Connection& connection, const Directory& queues, std::vector<Claimed>& claims) {
  Array ids(Array::Type::kInt4), hashes(Array::Type::kInt8), seqs(Array::Type::kInt8);
  Array indexes(Array::Type::kInt4);
  std::vector<std::pair<Claimed*, std::uint32_t>> asked;
  for (Claimed& claimed : claims) {
    const Queue* queue = claimed.is_keyed ? queues.find(claimed.queue) : nullptr;
    std::uint32_t ordinal = 0;
    for (const BlockPart& part : claimed.parts)
      for (std::uint32_t i = part.first; queue && i < part.first + part.count; ++i, ++ordinal) {
        if (claimed.done.has(ordinal)) continue;
        const auto [key, place] = part.block->key(i);
        ids.add(queue->id);
        hashes.add(static_cast<std::int64_t>(hash_of(key)));
        seqs.add(static_cast<std::int64_t>(place.seq != 0 ? place.seq : part.seq));
        indexes.add(place.seq != 0 ? place.index : i);
        asked.emplace_back(&claimed, ordinal);
      }
  }
  Params params;
  params.array(std::move(ids)).array(std::move(hashes)).array(std::move(seqs));
  params.array(std::move(indexes));
  const Rows rows = connection.call("find_away", params);
  for (int row = 0; row < rows.size(); ++row) {
    const auto& [claimed, ordinal] = asked.at(static_cast<std::size_t>(rows.integer(row, 0)) - 1);
    if ((rows.integer(row, 1) & 1) != 0) claimed->away.set(ordinal);
    if ((rows.integer(row, 1) & 2) != 0) claimed->ahead.set(ordinal);
  }
}

}  // namespace msgq::transport::postgres
