// Whose turn it is to write: one byte lock for all processes on the store, given out fairly. A
// process that comes back at once may go again for a few milliseconds (its pages are warm), then
// the one that waits longest goes first, so nobody starves. Whoever is killed loses its turn with
// its lock.
//
// Threads: any; inside a process a mutex comes first.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "transport/sqlite/process_lock.h"
#include "transport/sqlite/side_file.h"

namespace msgq::transport::sqlite {

class MSGQ_ATTRIBUTE(capability("turn")) Gate {
 public:
  Gate(SideFile& file, ProcessLock& process, Clock& clock);

  // Waits for the turn, at most `timeout`; how long it took. Throws kStoreUnavailable when it did
  // not come in time, kClosed in a forked child.
  Nanos enter(Nanos timeout) MSGQ_ATTRIBUTE(acquire_capability());
  void leave() MSGQ_ATTRIBUTE(release_capability());

 private:
  struct Waiter {
    SideSlot* slot = nullptr;
    std::int64_t since = 0;
    bool operator==(const Waiter&) const = default;
  };
  // Who has waited longest of those that began before `before` and were not passed over.
  Waiter oldest_other(std::int64_t before);
  void wait_for_turn(std::int64_t since, std::int64_t until);
  void pass_over(const Waiter& waiter);

  // fixed after construction
  SideFile& file_;
  ProcessLock& process_;
  Clock& clock_;
  const std::uint32_t fork_generation_;
  Mutex mutex_;  // held from enter() to leave()
  // guarded by mutex_: waiters that did not take the turn they were left; they are stopped
  std::map<SideSlot*, std::int64_t> passed_over_;
  std::atomic<std::uint32_t> no_slot_{0};
};

// A turn that ends with the scope.
class MSGQ_ATTRIBUTE(scoped_lockable) Turn {
 public:
  Turn(Gate& gate, Nanos timeout) MSGQ_ATTRIBUTE(acquire_capability(gate))
      : gate_(gate), waited_(gate.enter(timeout)) {}
  ~Turn() MSGQ_ATTRIBUTE(release_capability()) { gate_.leave(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  Nanos waited() const { return waited_; }

 private:
  Gate& gate_;
  const Nanos waited_;
};

}  // namespace msgq::transport::sqlite
