#include "transport/sqlite/house.h"

#include "msgq/error.h"
#include "transport/sql_text.h"

namespace msgq::transport::sqlite {
namespace {

// Pages in the log that are not worth moving while idle.
constexpr int kLogPagesIdle = 64;
// Free pages that stay in the file: an acknowledgement never has to grow it.
constexpr std::int64_t kFreePagesKept = 512;

}  // namespace

bool checkpoint_all(Store& store) {
  return store.connection.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
}

bool keep_house(Store& store, Gate& gate, Nanos budget) {
  const Nanos end = store.clock.steady() + budget;
  bool has_shrunk = false;
  try {
    while (store.connection.ask(sql::sqlite::kReadFreePages) > kFreePagesKept) {
      if (has_shrunk && store.clock.steady() >= end) return true;
      Turn turn(gate, budget);
      store.connection.run(sql::sqlite::kVacuumSome);
      has_shrunk = true;
    }
    if (store.connection.log_pages() > kLogPagesIdle) {
      Turn turn(gate, budget);
      store.connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreUnavailable && error.code() != ErrorCode::kStoreFull)
      throw;
    return true;  // others are busy: later
  }
  return false;
}

}  // namespace msgq::transport::sqlite
