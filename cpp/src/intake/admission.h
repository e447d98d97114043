// How much may be on its way into the store at once, in messages and in bytes: the only
// back-pressure of producers. Bounds are exact; nobody spins.
//
// Threads: acquire from any thread; release from the writer. Lock-free while there is room.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/event.h"

namespace msgq {

class Admission {
 public:
  Admission(Clock& clock, std::uint64_t count_max, std::uint64_t bytes_max)
      : clock_(clock), count_max_(count_max), bytes_max_(bytes_max) {}

  // Takes room, or leaves everything as it was. A parcel larger than a whole bound is let in alone.
  bool try_acquire(std::uint64_t count, std::uint64_t bytes);
  // Waits for room at most `timeout`; false when there was none, or after close().
  bool acquire(std::uint64_t count, std::uint64_t bytes, Nanos timeout);
  // Waits for room at most `timeout` without taking it.
  void wait_room(std::uint64_t count, std::uint64_t bytes, Nanos timeout);
  void release(std::uint64_t count, std::uint64_t bytes);
  // Ends every wait and refuses everything from now on: what count() says then only falls.
  void close();

  std::uint64_t count() const { return count_.load(std::memory_order_acquire) & ~kClosed; }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Waits at most `timeout` until what was let in before this call has been released, or waits for
  // room in its queue.
  void wait_passed(Nanos timeout);
  // So many messages wait for room in their queues.
  void set_held(std::uint64_t count);

 private:
  static constexpr std::uint64_t kClosed = 1ull << 62;
  bool is_closed() const { return (count_.load(std::memory_order_acquire) & kClosed) != 0; }
  static bool try_add(std::atomic<std::uint64_t>& used, std::uint64_t by, std::uint64_t bound);

  // fixed after construction
  Clock& clock_;
  const std::uint64_t count_max_, bytes_max_;
  // atomic: each bound is kept by its own compare-and-swap; count_ also says that it is closed, so
  // that letting in and closing have an order
  std::atomic<std::uint64_t> count_{0}, bytes_{0};
  std::atomic<std::uint64_t> released_{0};  // messages in all; only rises
  std::atomic<std::uint64_t> held_{0};
  Event room_;
};

}  // namespace msgq
