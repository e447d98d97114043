#include "transport/sqlite/house.h"

#include "transport/sql_text.h"

namespace msgq::transport::sqlite {
namespace {

// Pages in the log before it is moved: SQLite's own default, 8 MB of our pages.
constexpr int kLogPagesMax = 1'000;
// Free pages that stay in the file: an acknowledgement never has to grow it.
constexpr std::int64_t kFreePagesKept = 512;

}  // namespace

void checkpoint_if_long(Store& store) {
  if (store.connection.log_pages() >= kLogPagesMax)
    store.connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
}

bool checkpoint_all(Store& store) {
  return store.connection.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
}

bool keep_house(Store& store, Gate& gate, Nanos budget) {
  const Nanos end = store.clock.steady() + budget;
  bool has_shrunk = false;
  while (store.connection.ask(sql::sqlite::kReadFreePages) > kFreePagesKept) {
    if (store.clock.steady() >= end) return true;
    Turn turn(gate, budget);
    store.connection.run(sql::sqlite::kVacuumSome);
    has_shrunk = true;
  }
  if (has_shrunk || store.connection.log_pages() > 0)
    store.connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  return false;
}

}  // namespace msgq::transport::sqlite
