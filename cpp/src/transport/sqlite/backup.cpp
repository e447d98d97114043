#include "transport/sqlite/backup.h"

#include <unistd.h>

#include "msgq/error.h"
#include "transport/sql_text.h"
#include "transport/sqlite/failure.h"
#include "transport/sqlite/file_check.h"

namespace msgq::transport::sqlite {
namespace {

// All pages in one read transaction: a copy in steps begins anew with each commit of another
// process.
void copy_pages(Connection& from, Connection& to) {
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr)
    raise_failure(to.handle(), sqlite3_extended_errcode(to.handle()), "beginning the copy");
  const int step = sqlite3_backup_step(backup, -1);
  const int end = sqlite3_backup_finish(backup);
  if (step != SQLITE_DONE || end != SQLITE_OK)
    raise_failure(to.handle(), step != SQLITE_DONE ? step : end, "copying the store");
}

}  // namespace

void copy_store(const ConnectionSpec& source, Clock& clock, const std::string& path) {
  check_path(path);
  if (access(path.c_str(), F_OK) == 0)
    throw Error(ErrorCode::kStoreRejected, path + " exists: a backup never overwrites a file");
  ConnectionSpec reading = source;
  reading.is_read_only = true;
  Connection from(reading, clock);
  create_private(path);
  try {
    Connection to({path, {}, source.durability, source.busy_timeout, false}, clock);
    copy_pages(from, to);
    to.run(sql::sqlite::kCleanBackup);
    to.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (...) {
    for (const char* suffix : {"", "-wal", "-shm"}) unlink((path + suffix).c_str());
    throw;
  }
}

}  // namespace msgq::transport::sqlite
