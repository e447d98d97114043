// Copies a running store to a new file, as it is at one moment.
//
// Threads: any; a connection of its own.
#pragma once

#include <string>

#include "transport/sqlite/connection.h"

namespace msgq::transport::sqlite {

// Throws kStoreRejected when `path` exists or cannot be written, kStoreFull; then nothing is left
// there. In the copy no process is known and what they held is claimable again, without a crash
// counted.
void copy_store(const ConnectionSpec& source, Clock& clock, const std::string& path);

}  // namespace msgq::transport::sqlite
