#include "transport/sqlite/failure.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "support/outcome.h"

namespace msgq::transport::sqlite {
namespace {

using test::error_of;

TEST(Failure, EachCodeHasOneMeaning) {
  const struct {
    int code;
    ErrorCode before, at_commit;
  } table[] = {
      {SQLITE_FULL, ErrorCode::kStoreFull, ErrorCode::kStoreFull},
      {SQLITE_BUSY, ErrorCode::kStoreUnavailable, ErrorCode::kStoreUnavailable},
      {SQLITE_BUSY_SNAPSHOT, ErrorCode::kStoreUnavailable, ErrorCode::kStoreUnavailable},
      {SQLITE_NOMEM, ErrorCode::kStoreUnavailable, ErrorCode::kStoreUnavailable},
      {SQLITE_IOERR_NOMEM, ErrorCode::kStoreUnavailable, ErrorCode::kStoreUnavailable},
      {SQLITE_IOERR_FSYNC, ErrorCode::kStoreUnavailable, ErrorCode::kStoreInDoubt},
      {SQLITE_IOERR_WRITE, ErrorCode::kStoreUnavailable, ErrorCode::kStoreInDoubt},
      {SQLITE_CORRUPT, ErrorCode::kStoreRejected, ErrorCode::kStoreRejected},
      {SQLITE_READONLY, ErrorCode::kStoreRejected, ErrorCode::kStoreRejected},
      {SQLITE_CANTOPEN, ErrorCode::kStoreRejected, ErrorCode::kStoreRejected},
      {SQLITE_NOTADB, ErrorCode::kSchemaMismatch, ErrorCode::kSchemaMismatch},
      {SQLITE_TOOBIG, ErrorCode::kPayloadInvalid, ErrorCode::kPayloadInvalid},
      {SQLITE_CONSTRAINT, ErrorCode::kInternal, ErrorCode::kInternal},
  };
  for (const auto& row : table) {
    EXPECT_EQ(judge(row.code, Moment::kBeforeCommit), row.before) << row.code;
    EXPECT_EQ(judge(row.code, Moment::kCommit), row.at_commit) << row.code;
  }
}

TEST(Failure, TheTextSaysWhatWasDoneAndWhatToDo) {
  const Error error = error_of([] { raise_failure(nullptr, SQLITE_FULL, "committing"); });
  EXPECT_EQ(error.store_code(), SQLITE_FULL);
  EXPECT_NE(std::string(error.what()).find("committing"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("free some"), std::string::npos);
}

}  // namespace
}  // namespace msgq::transport::sqlite
