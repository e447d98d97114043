#include "transport/sqlite/headers.h"

#include "transport/sql_text.h"
#include "transport/sqlite/range.h"

namespace msgq::transport::sqlite {
namespace {

// A message is written after its id was made, but its producer's clock may be a little ahead ...
constexpr std::int64_t kAheadMs = 5'000;
// ... and it may have waited for a long time for its flush.
constexpr std::int64_t kLateMs = 600'000;
// Headers that one walk reads at most: about 20 ms.
constexpr int kWalkMax = 100'000;

}  // namespace

Headers::Headers(sqlite3* database)
    : forward_(database, sql::sqlite::kScanHeaders),
      back_(database, sql::sqlite::kScanHeadersBack) {}

Headers::Header Headers::read(const Cursor& row) {
  return {{row.integer(0) & kSeqMask, row.small(1)},
          MessageId::from_bytes(row.bytes(2)),
          MessageId::from_bytes(row.bytes(3)),
          row.integer(4)};
}

std::optional<Headers::Header> Headers::first_from(std::int64_t lane, std::int64_t seq) {
  Cursor row = forward_.query(block_id(lane, seq), lane_end(lane));
  if (!row.next()) return std::nullopt;
  return read(row);
}

std::optional<Headers::Header> Headers::newest(std::int64_t lane) {
  Cursor row = back_.query(block_id(lane, 0), lane_end(lane));
  if (!row.next()) return std::nullopt;
  return read(row);
}

std::int64_t Headers::first_written_after(std::int64_t lane, std::int64_t at_ms,
                                          std::int64_t newest_seq) {
  std::int64_t below = 0, found = newest_seq;
  while (below < found) {
    const std::int64_t middle = below + (found - below) / 2;
    const auto header = first_from(lane, middle);
    if (!header || header->at_ms >= at_ms)
      found = middle;
    else
      below = header->block.seq + 1;
  }
  return found;
}

std::vector<Candidate> Headers::about(std::int64_t lane, MessageId id) {
  std::vector<Candidate> out;
  const auto last = newest(lane);
  if (!last) return out;
  const std::int64_t made_ms = id.unix_ms();
  if (made_ms - kAheadMs <= last->at_ms) {
    const auto from = first_written_after(lane, made_ms - kAheadMs, last->block.seq);
    Cursor rows = forward_.query(block_id(lane, from), lane_end(lane));
    for (int walked = 0; walked < kWalkMax && rows.next(); ++walked) {
      const Header header = read(rows);
      if (header.at_ms > made_ms + kLateMs) break;
      if (header.spans(id)) out.push_back(header.block);
    }
    return out;
  }
  // Made after everything here was written: its producer's clock was ahead. Look at the newest.
  Cursor rows = back_.query(block_id(lane, 0), lane_end(lane));
  for (int walked = 0; walked < kWalkMax && rows.next(); ++walked)
    if (const Header header = read(rows); header.spans(id)) out.push_back(header.block);
  return out;
}

std::optional<std::int64_t> Headers::written_from(std::int64_t lane, std::int64_t seq) {
  const auto header = first_from(lane, seq);
  if (!header) return std::nullopt;
  return header->at_ms;
}

std::vector<Candidate> Headers::all_with(std::int64_t lane, MessageId id) {
  std::vector<Candidate> out;
  Cursor rows = forward_.query(block_id(lane, 0), lane_end(lane));
  while (rows.next())
    if (const Header header = read(rows); header.spans(id)) out.push_back(header.block);
  return out;
}

}  // namespace msgq::transport::sqlite
