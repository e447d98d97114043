// Finds out, over a connection of the pool, what became of messages that users acknowledge in
// transactions of their own, and bars the undecided ones from it: of the two outcomes one wins.
//
// Threads: any.
#pragma once

#include <vector>

#include "transport/postgres/pool.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

class AckBar {
 public:
  explicit AckBar(Pool& pool) : pool_(pool) {}

  // The fate of each, in order. The first that waits for an open transaction costs half a second.
  // Throws kStoreUnavailable; asking again is safe.
  std::vector<AckFate> run(const std::vector<AckPlace>& places);

 private:
  Pool& pool_;
};

}  // namespace msgq::transport::postgres
