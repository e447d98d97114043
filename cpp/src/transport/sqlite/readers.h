// Which processes claim messages of keys of a queue, and which shards this one has of them
// (transport/share.h). Alone it reads its share once a second and writes nothing.
//
// Threads: that of the connection; inside a write transaction.
#pragma once

#include <cstdint>
#include <map>

#include "transport/share.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

class Readers {
 public:
  explicit Readers(sqlite3* database);

  // What the process has of the shards of a subscription, looked up now and then.
  Share& share_of(std::int64_t subscription, std::int64_t process, std::int64_t boot_ms,
                  const Share::OpenOf& open_of);
  // The process claims of the keys, and found some of them: says so now and then, when others do,
  // too, or have shards in their hands.
  void say(std::int64_t subscription, std::int64_t process, bool is_barred, std::int64_t boot_ms);
  void remove_process(std::int64_t process) { delete_process_.run(process); }
  void remove_subscription(std::int64_t subscription);

 private:
  Statement read_, say_, delete_process_, delete_subscription_;
  std::map<std::int64_t, Share> shares_;  // by subscription
};

}  // namespace msgq::transport::sqlite
