#include "transport/sqlite/blocks.h"

#include <algorithm>
#include <utility>

#include "msgq/error.h"
#include "transport/sql_text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace msgq::transport::sqlite {
namespace {

constexpr std::int64_t kDamaged = 1;
constexpr char kReason[] = "checksum";

std::int64_t checksum_of(std::string_view bytes) {
  return static_cast<std::int64_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

// nullptr when the bytes are not what was written.
BlockPtr decode(std::string_view bytes, std::int64_t checksum) {
  if (checksum_of(bytes) != checksum) return nullptr;
  try {
    return Block::decode(bytes);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace

BlockPtr BlockCache::find(std::int64_t id, std::int64_t checksum) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->checksum != checksum) return nullptr;
  return found->second->block;
}

void BlockCache::put(std::int64_t id, std::int64_t checksum, BlockPtr block) {
  if (block->bytes().size() > kBytesMax / 2 || by_id_.contains(id)) return;
  bytes_ += block->bytes().size();
  entries_.push_front({id, checksum, std::move(block)});
  by_id_[id] = entries_.begin();
  while (bytes_ > kBytesMax) {
    bytes_ -= entries_.back().block->bytes().size();
    by_id_.erase(entries_.back().id);
    entries_.pop_back();
  }
}

void BlockCache::clear() {
  entries_.clear();
  by_id_.clear();
  bytes_ = 0;
}

Blocks::Blocks(sqlite3* database)
    : append_(database, sql::sqlite::kAppendBlock),
      scan_(database, sql::sqlite::kScanBlocks),
      read_(database, sql::sqlite::kReadBlock),
      quarantine_(database, sql::sqlite::kQuarantineBlock),
      read_quarantined_(database, sql::sqlite::kReadQuarantined),
      empty_(database, sql::sqlite::kEmptyBlock),
      delete_(database, sql::sqlite::kDeleteBlocks),
      sweep_(database, sql::sqlite::kSweepLane),
      count_(database, sql::sqlite::kCountMessages) {}

void Blocks::append(std::int64_t lane, std::int64_t seq, const BlockPtr& block,
                    const Author& author, std::int64_t at_ms) {
  const std::int64_t id = block_id(lane, seq);
  const std::string first = block->first_id().to_bytes(), last = block->last_id().to_bytes();
  const auto checksum = static_cast<std::int64_t>(block->checksum());
  append_.run(id, block->count(), Blob{first}, Blob{last}, author.owner, author.request, at_ms,
              checksum, Blob{block->bytes()});
  cache_.put(id, checksum, block);
}

Blocks::Scan::Scan(Blocks& blocks, std::int64_t lane, std::int64_t seq, std::int64_t below)
    : blocks_(blocks), rows_(blocks.scan_.query(block_id(lane, seq), block_id(lane, below))) {}

bool Blocks::Scan::next() { return rows_.next(); }
std::int64_t Blocks::Scan::seq() const { return rows_.integer(0) & kSeqMask; }
std::uint32_t Blocks::Scan::count() const { return rows_.small(1); }

BlockRow Blocks::Scan::read() { return blocks_.read_row(rows_); }

BlockRow Blocks::read_row(const Cursor& row) {
  const std::int64_t id = row.integer(0), checksum = row.integer(3);
  BlockRow out{id & kSeqMask, row.small(1), (row.integer(2) & kDamaged) != 0, nullptr};
  if (out.is_known_damaged) return out;
  out.block = cache_.find(id, checksum);
  if (out.block != nullptr) return out;
  out.block = decode(row.bytes(4), checksum);
  if (out.block != nullptr && out.block->count() != out.n) out.block = nullptr;
  if (out.block != nullptr) cache_.put(id, checksum, out.block);
  return out;
}

BlockRow Blocks::read(std::int64_t lane, std::int64_t seq) {
  Cursor row = read_.query(block_id(lane, seq));
  return row.next() ? read_row(row) : BlockRow{seq, 0, false, nullptr};
}

void Blocks::quarantine(std::int64_t lane, std::int64_t seq, std::int64_t queue,
                        std::int64_t wall_ms) {
  quarantine_.run(block_id(lane, seq), queue, wall_ms, std::string_view(kReason));
  empty_.run(block_id(lane, seq));
}

std::vector<MessageId> Blocks::ids_in_quarantine(std::int64_t lane, std::int64_t seq,
                                                 std::uint32_t from, std::uint32_t to) {
  std::vector<MessageId> out;
  Cursor row = read_quarantined_.query(block_id(lane, seq));
  if (!row.next()) return out;
  try {
    const BlockPtr block = Block::decode(row.bytes(0));
    for (std::uint32_t i = from; i < std::min(to, block->count()); ++i)
      out.push_back(block->view(i).id);
  } catch (const Error&) {  // what is behind the damage stays unknown
  }
  return out;
}

void Blocks::remove(std::int64_t lane, std::int64_t from_seq, std::int64_t below) {
  delete_.run(block_id(lane, from_seq), block_id(lane, below));
}

bool Blocks::sweep(std::int64_t lane, std::int64_t below, std::int64_t count_max) {
  return sweep_.run(block_id(lane, 0), block_id(lane, below), count_max) == count_max;
}

std::int64_t Blocks::count_from(std::int64_t lane, std::int64_t seq) {
  constexpr std::int64_t kAll = -1;
  Cursor row = count_.query(block_id(lane, seq), lane_end(lane), kAll);
  row.next();
  return row.integer(0);
}

std::int64_t Blocks::count_first(std::int64_t lane, std::int64_t below, std::int64_t blocks) {
  Cursor row = count_.query(block_id(lane, 0), block_id(lane, below), blocks);
  row.next();
  return row.integer(0);
}

}  // namespace msgq::transport::sqlite
