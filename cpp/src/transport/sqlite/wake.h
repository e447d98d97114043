// Hints between the processes on one store, through the shared page of the side file: a futex word
// for each process, so that telling others never wakes oneself.
//
// Threads: as transport.h says.
#pragma once

#include <atomic>

#include "base/event.h"
#include "transport/sqlite/process_lock.h"
#include "transport/sqlite/side_file.h"
#include "transport/transport.h"

namespace msgq::transport::sqlite {

class SideWake final : public Wake {
 public:
  SideWake(SideFile& file, ProcessLock& process);

  void hint() override;
  bool wait(Nanos timeout) override;
  void stop() override;

 private:
  // fixed after construction
  SideFile& file_;
  SideSlot* const slot_;  // nullptr: no slot was free, then only time wakes us
  Event stopped_;
  // only the waiting thread
  std::uint32_t seen_ = 0;
  // atomic: set once, before the word is raised
  std::atomic<bool> is_stopped_{false};
};

}  // namespace msgq::transport::sqlite
