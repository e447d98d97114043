// Brings parked messages whose time has come back into their queues. They are sought from where the
// last ones were found; now and then from the left, for what a slow transaction brought afterwards.
//
// Threads: that of the session.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/order_params.h"

namespace msgq::transport::postgres {

class Promoter {
 public:
  explicit Promoter(Clock& clock) : clock_(clock) {}

  // At most `most`, as a request of its own; says how many. With 0 it looks only when the left has
  // its turn. Throws as call().
  std::uint32_t run(Connection& connection, Asker& asker, std::uint32_t most,
                    bool has_keys = false);
  // The server may be another.
  void forget() { left_at_ = heal_at_ = Nanos::zero(); }
  // A damaged block was found: keys may wait for what was in it.
  void note_damage() { heal_at_ = Nanos::zero(); }

 private:
  // Those of keys, whose order is kept.
  std::uint32_t run_keys(Connection& connection, Asker& asker, std::uint32_t most, bool from_left);
  void heal_keys(Connection& connection);

  Clock& clock_;
  Nanos left_at_{0};                                 // when the left has its turn
  Nanos heal_at_{0};                                 // when keys are sought that wait for nothing
  std::int64_t healed_queue_ = 0, healed_hash_ = 0;  // so far, in this round
};

}  // namespace msgq::transport::postgres
