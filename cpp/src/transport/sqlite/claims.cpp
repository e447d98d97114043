#include "transport/sqlite/claims.h"

#include "transport/sql_text.h"

namespace msgq::transport::sqlite {

Claims::Claims(sqlite3* database, Counter& counter, const Directory& directory)
    : read_open_(database, sql::sqlite::kReadOpenClaim),
      read_newest_(database, sql::sqlite::kReadNewestClaim),
      read_lapsed_(database, sql::sqlite::kReadLapsedClaims),
      read_of_lane_(database, sql::sqlite::kReadClaimsOfLane),
      read_of_process_(database, sql::sqlite::kReadClaimsOfProcess),
      read_of_owner_(database, sql::sqlite::kReadClaimsOfOwner),
      read_expired_(database, sql::sqlite::kReadExpiredClaims),
      count_of_process_(database, sql::sqlite::kCountClaimsOfProcess),
      insert_(database, sql::sqlite::kInsertClaim),
      mark_settled_(database, sql::sqlite::kMarkClaimSettled),
      delete_(database, sql::sqlite::kDeleteClaim),
      lapse_(database, sql::sqlite::kLapseClaim),
      cut_(database, sql::sqlite::kCutLapsedClaim),
      save_done_(database, sql::sqlite::kSaveDone),
      extend_(database, sql::sqlite::kExtendClaim),
      forget_subscription_(database, sql::sqlite::kDeleteClaimsOfSubscription),
      delete_blocks_(database, sql::sqlite::kDeleteBlocks),
      sweep_block_(database, sql::sqlite::kSweepBlock),
      count_lapsed_(database, sql::sqlite::kCountLapsedOfSubscription),
      counter_(counter),
      directory_(directory) {}

ClaimRow Claims::read_row(const Cursor& row) {
  ClaimRow out;
  out.gen = row.integer(0);
  out.from = {row.integer(1), row.integer(2)};
  out.to = {row.integer(3), row.integer(4)};
  out.owner = row.integer(5);
  out.state = static_cast<ClaimState>(row.integer(6));
  out.attempt = row.small(7);
  out.crashes = row.small(8);
  out.crashed_ms = row.integer(9);
  out.is_suspect = row.integer(10) != 0;
  out.until_ms = row.integer(11);
  out.n = row.small(12);
  out.done = Bitmap(row.bytes(13));
  out.position = {row.integer(14), row.integer(15)};
  out.subscription = row.integer(16);
  out.lane = row.integer(17);
  out.lease_ms = row.integer(18);
  out.is_newest = row.integer(19) == 0;
  return out;
}

std::vector<ClaimRow> Claims::read_all(Cursor rows) {
  std::vector<ClaimRow> out;
  while (rows.next()) out.push_back(read_row(rows));
  return out;
}

std::optional<ClaimRow> Claims::read_open(const ClaimKey& key) {
  if (is_settled(key)) return std::nullopt;
  Cursor row = read_open_.query(key.subscription, key.lane, key.gen, key.owner);
  if (!row.next()) return std::nullopt;
  return read_row(row);
}

Newest Claims::read_newest(std::int64_t subscription, std::int64_t lane) {
  const auto settled = settled_.find({subscription, lane});
  if (settled != settled_.end()) return settled->second;
  Cursor row = read_newest_.query(subscription, lane);
  if (!row.next()) return {};
  return {
      row.integer(0), static_cast<ClaimState>(row.integer(1)), {row.integer(2), row.integer(3)}};
}

std::vector<ClaimRow> Claims::read_lapsed(std::int64_t subscription, std::int64_t lane) {
  if (counter_.lapsed() == 0) return {};
  return read_all(read_lapsed_.query(subscription, lane));
}

std::vector<ClaimRow> Claims::read_of_lane(std::int64_t subscription, std::int64_t lane) {
  mark_settled();
  return read_all(read_of_lane_.query(subscription, lane));
}

std::vector<ClaimRow> Claims::read_of_process(std::int64_t process) {
  mark_settled();
  return read_all(read_of_process_.query(process));
}

std::vector<ClaimRow> Claims::read_of_owner(std::int64_t owner, std::int64_t after_gen) {
  mark_settled();
  return read_all(read_of_owner_.query(owner, after_gen));
}

std::vector<ClaimRow> Claims::read_expired(std::int64_t boot_ms) {
  mark_settled();
  return read_all(read_expired_.query(boot_ms));
}

HeldCount Claims::count_of_process(std::int64_t process) {
  mark_settled();
  Cursor row = count_of_process_.query(process);
  row.next();
  return {row.integer(0), row.integer(1)};
}

void Claims::insert(const ClaimRow& row, const Newest& before) {
  insert_.run(row.subscription, row.lane, row.gen, row.from.seq, row.from.index, row.to.seq,
              row.to.index, row.owner, static_cast<int>(row.kind), static_cast<int>(row.state),
              row.attempt, row.crashes, row.crashed_ms, row.is_suspect, row.until_ms, row.lease_ms,
              row.n, Blob{row.done.bytes(), row.done.empty()}, row.position.seq, row.position.index,
              before.gen);
  if (before.gen != 0 && before.state == ClaimState::kSettled)
    delete_.run(row.subscription, row.lane, before.gen);
  settled_.erase({row.subscription, row.lane});
}

void Claims::end(const ClaimRow& row) {
  if (row.state == ClaimState::kLapsed) counter_.add_lapsed(-1);
  if (row.is_newest)
    settled_[{row.subscription, row.lane}] = {row.gen, ClaimState::kSettled, row.position};
  else
    delete_.run(row.subscription, row.lane, row.gen);
  if (directory_.is_shared(row.lane)) return;  // others have to read them
  const std::int64_t first = row.from.index == 0 ? row.from.seq : row.from.seq + 1;
  if (first < row.to.seq)
    delete_blocks_.run(block_id(row.lane, first), block_id(row.lane, row.to.seq));
  if (row.from.index != 0) note_edge(row.subscription, row.lane, row.from.seq);
  if (row.to.index != 0) note_edge(row.subscription, row.lane, row.to.seq);
}

void Claims::lapse(const ClaimRow& row) {
  counter_.add_lapsed(1);
  lapse_.run(row.subscription, row.lane, row.gen, row.attempt,
             Blob{row.done.bytes(), row.done.empty()}, row.is_suspect, row.crashes, row.crashed_ms);
}

void Claims::remove(const ClaimRow& row) {
  if (row.state == ClaimState::kLapsed) counter_.add_lapsed(-1);
  delete_.run(row.subscription, row.lane, row.gen);
}

void Claims::cut(const ClaimRow& row) {
  cut_.run(row.subscription, row.lane, row.gen, row.from.seq, row.from.index, row.n,
           Blob{row.done.bytes(), row.done.empty()});
}

void Claims::save_done(const ClaimRow& row) {
  save_done_.run(row.subscription, row.lane, row.gen, Blob{row.done.bytes(), row.done.empty()});
}

bool Claims::extend(const ClaimKey& key, std::int64_t until_ms) {
  if (is_settled(key)) return false;
  return extend_.run(key.subscription, key.lane, key.gen, key.owner, until_ms) == 1;
}

void Claims::forget_subscription(std::int64_t subscription) {
  {
    Cursor row = count_lapsed_.query(subscription);
    if (row.next()) counter_.add_lapsed(-row.integer(0));
  }
  forget_subscription_.run(subscription);
  std::erase_if(settled_, [&](const auto& entry) { return entry.first.first == subscription; });
}

bool Claims::is_settled(const ClaimKey& key) const {
  const auto found = settled_.find(
      {static_cast<std::int64_t>(key.subscription), static_cast<std::int64_t>(key.lane)});
  return found != settled_.end() && found->second.gen == static_cast<std::int64_t>(key.gen);
}

void Claims::mark_settled() {
  for (const auto& [key, row] : settled_) mark_settled_.run(key.first, key.second, row.gen);
  settled_.clear();
}

void Claims::finish() {
  mark_settled();
  for (const auto& [subscription, lane, seq] : edges_) sweep_block_.run(seq, subscription, lane);
  edges_.clear();
}

void Claims::forget() {
  settled_.clear();
  edges_.clear();
}

}  // namespace msgq::transport::sqlite
