// The file beside the store, `<store>-lock`: byte locks that show which processes live and whose
// turn it is, and a page of shared memory for hints and turns. Made once, mode 0600, never
// unlinked. Byte locks are of the open file description, so they are gone with the process and
// never before; a forked child closes its copy at once and so holds none of them.
//
// Threads: any; locks of one SideFile do not exclude each other, Gate has a mutex for that.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/fork.h"

namespace msgq::transport::sqlite {

// One process in the shared page. Nothing in it is truth: a slot may be stale or of a dead process.
struct alignas(64) SideSlot {
  std::atomic<std::uint64_t> process;     // 0: free
  std::atomic<std::int64_t> waits_since;  // steady ns at which it began to wait for a turn; 0: no
  std::atomic<std::uint32_t> turn;        // futex: raised when it may be its turn
  std::atomic<std::uint32_t> hint;        // futex: raised when there may be work
  std::atomic<std::uint32_t> sleeps;      // it waits on `hint`
};

struct SidePage {
  static constexpr std::uint32_t kSlotCount = 126;
  std::atomic<std::uint32_t> is_full;  // the device had no room; the reserve was given up
  std::atomic<std::uint32_t> used;     // slots below this number were taken at least once
  SideSlot slots[kSlotCount];
};
static_assert(sizeof(SidePage) <= 8192);

class SideFile {
 public:
  // The byte that whoever has its turn holds. Processes lock the byte of their id, above it.
  static constexpr off_t kTurnByte = 0;

  // Throws kStoreRejected, kStoreFull.
  explicit SideFile(const std::string& store_path);
  ~SideFile();
  SideFile(const SideFile&) = delete;
  SideFile& operator=(const SideFile&) = delete;

  SidePage& page() { return *page_; }
  // False when somebody else holds it.
  bool try_lock(off_t byte);
  void unlock(off_t byte);
  // Whether somebody else holds it. REQUIRES: not locked through this SideFile.
  bool is_locked(off_t byte);
  // Drops every lock, as the end of the process would. Nothing works afterwards.
  void drop();
  bool is_dropped() const { return descriptor_.load() < 0; }

 private:
  std::atomic<int> descriptor_{-1};  // atomic: tests drop it from another thread
  std::optional<ClosedInChild> in_child_;
  SidePage* page_ = nullptr;
};

}  // namespace msgq::transport::sqlite
