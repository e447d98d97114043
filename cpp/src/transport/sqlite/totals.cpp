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
