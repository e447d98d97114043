// Makes blocks of what users sent in transactions of their own, once those have committed.
//
// Threads: that of the session.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/directory.h"
#include "transport/postgres/order_params.h"

namespace msgq::transport::postgres {

class Outbox {
 public:
  explicit Outbox(Clock& clock) : clock_(clock) {}

  // Takes what is committed, at most `limit` messages, as a request of its own; how many. 0 as well
  // when another process is taking them.
  std::uint32_t drain(Connection& connection, Asker& asker, Directory& queues, std::uint32_t limit);
  std::int64_t mark() const { return mark_; }
  // Looks at all of it the next time: the server may be another.
  void forget() { mark_ = 0; }
  // Somebody has sent lately: looks should follow one another quickly.
  bool is_in_use() const;

 private:
  Clock& clock_;
  // Every transaction below it had ended at the last look that took everything.
  std::int64_t mark_ = 0;
  Nanos used_at_{-kUseLasts};
  static constexpr Nanos kUseLasts = std::chrono::seconds(10);
};

}  // namespace msgq::transport::postgres
