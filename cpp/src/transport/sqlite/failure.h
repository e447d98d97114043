// The one judge of what SQLite's result codes mean to a caller: certainly nothing written, refused
// for good, no room, or in doubt.
//
// Threads: pure functions; the connection belongs to the caller's thread.
#pragma once

#include <string>

#include "msgq/error.h"

struct sqlite3;

namespace msgq::transport::sqlite {

// When a call failed: only a commit can leave a doubt.
enum class Moment { kBeforeCommit, kCommit };

ErrorCode judge(int code, Moment moment);
// Throws the Error for `code`, saying what was being done and what to do next.
[[noreturn]] void raise_failure(sqlite3* database, int code, const std::string& doing,
                                Moment moment = Moment::kBeforeCommit);

}  // namespace msgq::transport::sqlite
