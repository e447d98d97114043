// How many messages of each subscription are where, so that depth is read, not counted. Changes of
// a transaction are gathered and written once.
//
// Threads: that of the connection.
#pragma once

#include <cstdint>
#include <map>

#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

// sent = all the others together and waiting, which is what is left.
struct Totals {
  std::int64_t sent = 0, leased = 0, parked = 0, done = 0, dead = 0, purged = 0, quarantined = 0,
               expired = 0, cancelled = 0;
  std::int64_t waiting() const {
    return sent - leased - parked - done - dead - purged - quarantined - expired - cancelled;
  }
};

class TotalsBook {
 public:
  explicit TotalsBook(sqlite3* database);

  // The change of a subscription in this transaction; add to it.
  Totals& change(std::int64_t subscription) { return changes_[subscription]; }
  bool is_changed() const { return !changes_.empty(); }
  // Writes the changes.
  void save();
  void forget() { changes_.clear(); }
  void forget(std::int64_t subscription) { changes_.erase(subscription); }
  // With this transaction's changes.
  Totals now(std::int64_t subscription);
  // As stored, this transaction's changes not included.
  Totals read(std::int64_t subscription);

 private:
  Statement add_, read_;
  std::map<std::int64_t, Totals> changes_;
};

}  // namespace msgq::transport::sqlite
