// Whose file it is and which version: refuses strangers and newer files untouched, makes new ones,
// and brings older ones up to date.
//
// Threads: pure functions on a connection; run them inside a Turn, as several processes may open at
// once.
#pragma once

#include "transport/sqlite/connection.h"
#include "transport/sqlite/process_lock.h"

namespace msgq::transport::sqlite {

inline constexpr std::int64_t kApplicationId = 0x4d534751;  // "MSGQ"
inline constexpr std::int64_t kSchemaVersion = 2;

enum class Origin { kEmpty, kOurs };

// Looks through a connection that cannot write. Throws kSchemaMismatch for a foreign or a newer
// file.
Origin identify(Connection& reader, const std::string& path);
// Makes the tables in an empty file, or runs the migrations that an older one lacks. Throws
// kSchemaMismatch while other processes live on an older one: they go on as they know it.
void migrate(Connection& writer, const std::string& path, ProcessLock& self);

}  // namespace msgq::transport::sqlite
