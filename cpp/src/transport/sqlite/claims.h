// The claim rows: who holds which range. The newest row of a subscription's lane is its position
// and is never deleted, only replaced by a newer one; older rows are open or lapsed.
//
// Threads: that of the connection; inside a write transaction.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "transport/sqlite/counter.h"
#include "transport/sqlite/directory.h"
#include "transport/sqlite/range.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

// The newest row of a subscription's lane; gen 0 when there is none.
struct Newest {
  std::int64_t gen = 0;
  ClaimState state = ClaimState::kSettled;
  Place position;
};

struct HeldCount {
  std::int64_t all = 0;
  std::int64_t suspect = 0;
};

class Claims {
 public:
  Claims(sqlite3* database, Counter& counter, const Directory& directory);

  std::optional<ClaimRow> read_open(const ClaimKey& key);
  Newest read_newest(std::int64_t subscription, std::int64_t lane);
  std::vector<ClaimRow> read_lapsed(std::int64_t subscription, std::int64_t lane);
  std::vector<ClaimRow> read_of_lane(std::int64_t subscription, std::int64_t lane);
  std::vector<ClaimRow> read_of_process(std::int64_t process);
  std::vector<ClaimRow> read_of_owner(std::int64_t owner, std::int64_t after_gen);
  std::vector<ClaimRow> read_expired(std::int64_t boot_ms);
  HeldCount count_of_process(std::int64_t process);

  // Writes a new newest row; a settled row that was the newest goes.
  void insert(const ClaimRow& row, const Newest& before);
  // Ends a claim all of whose messages are decided: its row goes, or stays settled as the position;
  // the blocks that it alone covered go, those it shared are looked at by sweep().
  void end(const ClaimRow& row);
  void lapse(const ClaimRow& row);
  // Takes a lapsed row out that a newer one replaces; its blocks stay.
  void remove(const ClaimRow& row);
  // Cuts the left part off a lapsed row.
  void cut(const ClaimRow& row);
  void save_done(const ClaimRow& row);
  bool extend(const ClaimKey& key, std::int64_t until_ms);
  void forget_subscription(std::int64_t subscription);

  // Notes a block that may be under nobody any more.
  void note_edge(std::int64_t subscription, std::int64_t lane, std::int64_t seq) {
    if (!directory_.is_shared(lane)) edges_.emplace(subscription, lane, seq);
  }
  // Ends the transaction's work: marks what was settled and is still the newest, and deletes the
  // noted blocks that no open or lapsed claim needs and the position has passed.
  void finish();
  bool is_finished() const { return settled_.empty() && edges_.empty(); }
  void forget();

 private:
  using LaneKey = std::pair<std::int64_t, std::int64_t>;  // subscription, lane
  bool is_settled(const ClaimKey& key) const;
  // Writes down what settled_ holds: before anybody asks which claims are open.
  void mark_settled();
  static ClaimRow read_row(const Cursor& row);
  static std::vector<ClaimRow> read_all(Cursor rows);

  Statement read_open_, read_newest_, read_lapsed_, read_of_lane_, read_of_process_, read_of_owner_;
  Statement read_expired_, count_of_process_, insert_, mark_settled_, delete_, lapse_, cut_;
  Statement save_done_, extend_, forget_subscription_, delete_blocks_, sweep_block_, count_lapsed_;
  Counter& counter_;
  const Directory& directory_;
  // Newest rows that were settled in this transaction; most are replaced in it, unmarked.
  std::map<LaneKey, Newest> settled_;
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t>> edges_;
};

}  // namespace msgq::transport::sqlite
