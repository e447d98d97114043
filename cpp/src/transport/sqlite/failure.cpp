#include "transport/sqlite/failure.h"

#include <sqlite3.h>

namespace msgq::transport::sqlite {
namespace {

const char* advice(ErrorCode code) {
  switch (code) {
    case ErrorCode::kStoreFull:
      return "; the device has no room left: free some, sending goes on by itself";
    case ErrorCode::kStoreUnavailable:
      return "; nothing was written, it may be tried again";
    case ErrorCode::kStoreInDoubt:
      return "; it may or may not have been written";
    case ErrorCode::kStoreRejected:
      return "; trying again does not help";
    case ErrorCode::kSchemaMismatch:
      return "; the file is no msgq store: give another path";
    default:
      return "";
  }
}

}  // namespace

ErrorCode judge(int code, Moment moment) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::kStoreFull;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
      return ErrorCode::kStoreUnavailable;
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_NOMEM) return ErrorCode::kStoreUnavailable;
      return moment == Moment::kCommit ? ErrorCode::kStoreInDoubt : ErrorCode::kStoreUnavailable;
    case SQLITE_NOTADB:
      return ErrorCode::kSchemaMismatch;
    case SQLITE_TOOBIG:
      return ErrorCode::kPayloadInvalid;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
      return ErrorCode::kInternal;
    default:  // READONLY, CORRUPT, CANTOPEN, PERM, AUTH, NOLFS, ...
      return ErrorCode::kStoreRejected;
  }
}

void raise_failure(sqlite3* database, int code, const std::string& doing, Moment moment) {
  const ErrorCode meaning = judge(code, moment);
  std::string text = doing + ": " + sqlite3_errstr(code);
  if (database != nullptr && sqlite3_extended_errcode(database) == code)
    text = doing + ": " + sqlite3_errmsg(database);
  const char* file = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  if (file != nullptr && *file != 0) text = std::string(file) + ": " + text;
  throw Error(meaning, text + " (SQLite " + std::to_string(code) + ")" + advice(meaning), code);
}

}  // namespace msgq::transport::sqlite
