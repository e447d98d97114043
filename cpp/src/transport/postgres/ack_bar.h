// Finds out, over a connection of its own, what became of messages that users acknowledge in
// transactions of their own, and bars the undecided ones from it: of the two outcomes one wins.
//
// Threads: any; one mutex, held for a call.
#pragma once

#include <memory>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "transport/postgres/connection.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

class AckBar {
 public:
  AckBar(ConnectionSpec spec, Log& log) : spec_(std::move(spec)), log_(log) {}

  // The fate of each, in order. The first that waits for an open transaction costs half a second.
  // Throws kStoreUnavailable; asking again is safe.
  std::vector<AckFate> run(const std::vector<AckPlace>& places);
  bool is_connected();

 private:
  std::vector<AckFate> ask(const Params& params) MSGQ_REQUIRES(mutex_);

  // fixed after construction
  const ConnectionSpec spec_;
  Log& log_;
  Mutex mutex_;
  // guarded by mutex_; made when it is first used
  std::unique_ptr<Connection> connection_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace msgq::transport::postgres
