// What users send in transactions of their own is told by nobody: a notification would take a lock
// of the whole server at each of their commits. Of all processes that take work one looks for it,
// a dozen times a second; whoever watches holds a lock of its session.
//
// Threads: one at a time.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "transport/postgres/connection.h"

namespace msgq::transport::postgres {

class OutboxWatch {
 public:
  // Takes the watch over when nobody has it. Throws as Connection.
  void try_take(Connection& connection, Nanos now);
  // The session has ended, and the watch with it.
  void lose() { next_at_ = kNever; }
  // When to look next; kNever: others do.
  Nanos next_at() const { return next_at_; }
  // Whether something lies there. Throws as Connection.
  bool look(Connection& connection, Nanos now);

 private:
  Nanos next_at_ = kNever;
  std::int64_t mark_ = 0;
};

}  // namespace msgq::transport::postgres
