// The memory of dedup ids.
//
// Threads: that of the connection; inside a write transaction.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/once.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

struct Store;
struct Queue;

class Dedup {
 public:
  explicit Dedup(sqlite3* database);
  // Remembers the ids of messages that are about to be stored; those that were there before are
  // told.
  std::vector<Duplicate> remember(Store& store, const std::vector<OnceWish>& wishes);
  // These messages are over, or about to start: their ids may come again, where they are remembered
  // for so long.
  void release(std::int64_t queue, const std::vector<MessageId>& messages);
  // So is every message of the queue.
  void release_all(std::int64_t queue);
  void remove_queue(std::int64_t queue);

 private:
  Statement read_, remember_, forget_, forget_old_, forget_queue_;
};

}  // namespace msgq::transport::sqlite
