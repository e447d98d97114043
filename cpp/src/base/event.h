// An event count on a futex: waiters sleep until somebody signals after they looked. Signalling
// nobody costs one atomic add and no system call.
//
// Use: `const auto key = event.key(); if (nothing to do) event.wait(key, timeout);`. A signal
// between the two is never missed. Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace msgq {

// Sleeps while *word == expected, at most `timeout` (kNever: for ever). Spurious returns happen.
void futex_wait(const std::atomic<std::uint32_t>* word, std::uint32_t expected, Nanos timeout,
                bool is_shared = false);
void futex_wake(const std::atomic<std::uint32_t>* word, int count, bool is_shared = false);

class Event {
 public:
  std::uint32_t key() const { return word_.load(std::memory_order_seq_cst); }

  // True when signalled since `key`; false at the timeout.
  bool wait(std::uint32_t key, Nanos timeout) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    is_armed_.store(true, std::memory_order_seq_cst);
    if (word_.load(std::memory_order_seq_cst) == key && timeout > Nanos::zero())
      futex_wait(&word_, key, timeout);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
    return word_.load(std::memory_order_acquire) != key;
  }

  // Looks for a signal for a few microseconds without sleeping: whoever signals meanwhile saves the
  // system call. True when there was one.
  bool glance(std::uint32_t key) const;

  // Wakes all sleepers. seq_cst add and load pair with the stores in wait(): either the sleeper
  // sees the new word, or we see that it armed. Until one that was woken runs, tens of microseconds
  // may pass: only the first signal makes the system call.
  void signal() {
    word_.fetch_add(1, std::memory_order_seq_cst);
    if (is_armed_.load(std::memory_order_seq_cst) &&
        is_armed_.exchange(false, std::memory_order_seq_cst))
      futex_wake(&word_, 1 << 30);
  }
  // Wakes one sleeper of several.
  void signal_one() {
    word_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) futex_wake(&word_, 1);
  }

 private:
  // atomic: see signal()
  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint32_t> sleepers_{0};
  std::atomic<bool> is_armed_{false};
};

}  // namespace msgq
