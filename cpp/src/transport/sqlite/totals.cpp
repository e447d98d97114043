#include "transport/sqlite/totals.h"

#include "transport/sql_text.h"

namespace msgq::transport::sqlite {

TotalsBook::TotalsBook(sqlite3* database)
    : add_(database, sql::sqlite::kAddTotals), read_(database, sql::sqlite::kReadTotals) {}

void TotalsBook::save() {
  for (const auto& [subscription, change] : changes_)
    add_.run(subscription, change.sent, change.leased, change.parked, change.done, change.dead,
             change.purged, change.quarantined, change.expired, change.cancelled);
  changes_.clear();
}

Totals TotalsBook::now(std::int64_t subscription) {
  Totals out = read(subscription);
  const auto change = changes_.find(subscription);
  if (change == changes_.end()) return out;
  const Totals& by = change->second;
  out.sent += by.sent;
  out.leased += by.leased;
  out.parked += by.parked;
  out.done += by.done;
  out.dead += by.dead;
  out.purged += by.purged;
  out.quarantined += by.quarantined;
  out.expired += by.expired;
  out.cancelled += by.cancelled;
  return out;
}

Totals TotalsBook::read(std::int64_t subscription) {
  Cursor row = read_.query(subscription);
  Totals out;
  if (!row.next()) return out;
  int column = 0;
  for (std::int64_t* field : {&out.sent, &out.leased, &out.parked, &out.done, &out.dead,
                              &out.purged, &out.quarantined, &out.expired, &out.cancelled})
    *field = row.integer(column++);
  return out;
}

}  // namespace msgq::transport::sqlite
