#include "transport/sqlite/store.h"

#include "msgq/error.h"

namespace msgq::transport::sqlite {

Store::Store(const ConnectionSpec& spec, Clock& a_clock, Log& a_log, const Rules& a_rules)
    : clock(a_clock),
      log(a_log),
      rules(a_rules),
      connection(spec, a_clock),
      spare(connection.handle()),
      counter(connection.handle()),
      directory(connection.handle()),
      totals(connection.handle()),
      blocks(connection.handle()),
      headers(connection.handle()),
      claims(connection.handle(), counter, directory),
      parked(connection.handle()),
      away_keys(connection.handle()),
      dedup(connection.handle()),
      readers(connection.handle()),
      dead(connection.handle()),
      processes(connection.handle()) {}

Queue& Store::require_queue(std::string_view name) {
  if (!rules.strict_queues) return directory.make(name, counter);
  if (Queue* queue = directory.find(name)) return *queue;
  throw Error(ErrorCode::kNotFound, "there is no queue '" + std::string(name) + "'");
}

void Store::forget() {
  spare.forget();
  directory.forget();
  totals.forget();
  blocks.forget();
  claims.forget();
}

Transaction::Transaction(Store& store, Gate& gate, Nanos timeout, std::int64_t owner)
    : store_(store), turn_(gate, timeout), waited_(turn_.waited()) {
  const Nanos before = store_.clock.steady();
  store_.connection.begin();
  changes_before_ = store_.connection.changes();
  is_open_ = true;
  try {
    waited_ += store_.clock.steady() - before;
    store_.now = {store_.clock.wall_ms(), store_.clock.boot_ms()};
    const OwnerState state = store_.counter.load(owner);
    if (owner != 0 && state != OwnerState::kOpen)
      throw Error(
          ErrorCode::kStoreRejected,
          "this connection was closed by others, who took its process for dead; nothing was "
          "written: open the store again");
    store_.directory.refresh(store_.counter.directory());
  } catch (...) {
    store_.connection.rollback();
    throw;
  }
}

Transaction::~Transaction() {
  if (!is_open_) return;
  store_.connection.rollback();
  store_.forget();
}

bool Transaction::end_unchanged() {
  const bool is_changed = store_.connection.changes() != changes_before_ ||
                          store_.counter.is_changed() || store_.totals.is_changed() ||
                          !store_.claims.is_finished();
  if (is_changed) return false;
  store_.connection.rollback();
  is_open_ = false;
  return true;
}

void Transaction::commit() {
  store_.claims.finish();
  store_.totals.save();
  store_.counter.save();
  store_.connection.commit();
  is_open_ = false;
}

}  // namespace msgq::transport::sqlite
