#include "transport/sqlite/counter.h"

#include <algorithm>

#include "msgq/error.h"
#include "transport/sql_text.h"

namespace msgq::transport::sqlite {

Counter::Counter(sqlite3* database)
    : read_(database, sql::sqlite::kReadCounter), save_(database, sql::sqlite::kSaveCounter) {}

OwnerState Counter::load(std::int64_t owner) {
  Cursor row = read_.query(owner);
  if (!row.next())
    throw Error(ErrorCode::kStoreRejected, "the store has lost its counters: restore a backup");
  tick_ = saved_tick_ = row.integer(0);
  directory_ = saved_directory_ = row.integer(1);
  at_ms_ = row.integer(2);
  lapsed_ = saved_lapsed_ = row.integer(3);
  if (row.is_null(4)) return OwnerState::kMissing;
  return row.integer(4) == 0 ? OwnerState::kOpen : OwnerState::kClosed;
}

void Counter::save() {
  if (!is_changed()) return;
  save_.run(tick_, directory_, at_ms_, lapsed_);
}

std::int64_t Counter::stamp(std::int64_t wall_ms) {
  at_ms_ = std::max(at_ms_, wall_ms);
  return at_ms_;
}

}  // namespace msgq::transport::sqlite
