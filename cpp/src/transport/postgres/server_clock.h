// What the server's clock says, by which messages expire, without asking it each time: it is
// compared now and then with a clock of this machine that nobody sets. Not with the wall clock: one
// step of that, and all that has a ttl would be over, or never.
//
// Threads: now_ms() from any; compare() by one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/clock.h"

namespace msgq::transport::postgres {

class ServerClock {
 public:
  explicit ServerClock(Clock& clock) : clock_(clock) {}

  // Asks the server, which says Unix ms. False, and the comparison in use stays, when the answer
  // took so long that it tells little: the error is up to half of the way.
  bool compare(const std::function<std::int64_t()>& ask);
  // Unix ms. REQUIRES: compared once.
  std::int64_t now_ms() const {
    return clock_.boot_ms() + ahead_ms_.load(std::memory_order_relaxed);
  }

 private:
  // fixed after construction; its boot time, as that runs on while the machine sleeps
  Clock& clock_;
  // only the comparing thread
  std::int64_t way_ms_ = -1;  // of the comparison in use; negative: there is none
  // atomic (stands alone)
  std::atomic<std::int64_t> ahead_ms_{0};
};

}  // namespace msgq::transport::postgres
