// Counts what was let in and has not left; once closed it lets nothing more in. So whoever closes
// can wait until the last one has left, and nobody slips in behind his back.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

namespace msgq {

class Turnstile {
 public:
  // False after close(); then the caller is not inside.
  bool enter() {
    if ((word_.fetch_add(1, std::memory_order_acq_rel) & kClosed) == 0) return true;
    leave(1);
    return false;
  }
  void leave(std::uint64_t count) { word_.fetch_sub(count, std::memory_order_acq_rel); }
  void close() { word_.fetch_or(kClosed, std::memory_order_acq_rel); }
  bool is_closed() const { return (word_.load(std::memory_order_acquire) & kClosed) != 0; }
  std::uint64_t inside() const { return word_.load(std::memory_order_acquire) & ~kClosed; }

 private:
  static constexpr std::uint64_t kClosed = 1ull << 63;
  // atomic: count and flag in one word, so that entering and closing have an order
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace msgq
