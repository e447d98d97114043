#include "transport/sqlite/readers.h"

#include <vector>

#include "transport/sql_text.h"

namespace msgq::transport::sqlite {

Readers::Readers(sqlite3* database)
    : read_(database, sql::sqlite::kReadReaders),
      say_(database, sql::sqlite::kSayReader),
      delete_process_(database, sql::sqlite::kDeleteReadersOf),
      delete_subscription_(database, sql::sqlite::kDeleteReadersOfSubscription) {}

Share& Readers::share_of(std::int64_t subscription, std::int64_t process, std::int64_t boot_ms,
                         const Share::OpenOf& open_of) {
  Share& share = shares_[subscription];
  if (!share.is_look_due(boot_ms)) return share;
  std::vector<Reader> readers;
  Cursor row = read_.query(subscription, boot_ms);
  while (row.next()) readers.push_back({row.integer(0), row.integer(1)});
  share.look(process, readers, boot_ms, open_of);
  return share;
}

void Readers::say(std::int64_t subscription, std::int64_t process, bool is_barred,
                  std::int64_t boot_ms) {
  Share& share = shares_[subscription];
  if ((share.is_alone() && !is_barred) || !share.is_saying_due(boot_ms)) return;
  say_.run(subscription, process, boot_ms);
  share.note_said(boot_ms);
}

void Readers::remove_subscription(std::int64_t subscription) {
  delete_subscription_.run(subscription);
  shares_.erase(subscription);
}

}  // namespace msgq::transport::sqlite
