// Room on the device, taken before it is needed: the file is always as long as all of its pages,
// those that are still in the log included, and a little longer. So the log can be emptied into it
// when the device is full, and an acknowledgement needs no room that is not there.
//
// Threads: that of the connection.
#pragma once

#include <cstdint>

#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

class Spare {
 public:
  explicit Spare(sqlite3* database);

  // Makes sure of it for what the present transaction has written so far, `bytes` of it since the
  // last call. Throws kStoreFull.
  void hold(std::size_t bytes);
  // The transaction was rolled back.
  void forget() { bytes_ = kLookBytes; }

 private:
  // Not every append looks: so much may be written between two looks, which a chunk has room for
  // even with many processes.
  static constexpr std::size_t kLookBytes = 64 << 10;
  sqlite3* const database_;
  Statement page_count_, free_pages_;
  std::size_t bytes_ = kLookBytes;
};

}  // namespace msgq::transport::sqlite
