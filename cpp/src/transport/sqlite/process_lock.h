// Shows that this process lives: a random id, the byte of that number locked in the side file for
// as long as the process runs, and a slot in the shared page. A free byte is proof of death.
//
// Threads: any.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "transport/sqlite/side_file.h"

namespace msgq::transport::sqlite {

class ProcessLock {
 public:
  ProcessLock(SideFile& file, Random& random);
  ~ProcessLock();
  ProcessLock(const ProcessLock&) = delete;
  ProcessLock& operator=(const ProcessLock&) = delete;

  std::int64_t id() const { return id_; }
  // This process's slot, or nullptr when more processes than slots share the store.
  SideSlot* slot() { return slot_; }
  bool is_alive(std::int64_t process);

 private:
  void take_slot();

  // fixed after construction
  SideFile& file_;
  std::int64_t id_ = 0;
  SideSlot* slot_ = nullptr;
};

}  // namespace msgq::transport::sqlite
