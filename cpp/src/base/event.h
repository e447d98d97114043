// An event count on a futex: waiters sleep until somebody signals after they looked. Signalling
// nobody costs one compare-and-swap and no system call.
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
  std::uint32_t key() const { return word_.load(std::memory_order_seq_cst) & ~kArmed; }

  // True when signalled since `key`; false at the timeout, or earlier without a cause.
  bool wait(std::uint32_t key, Nanos timeout) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    if (arm(key) && timeout > Nanos::zero()) futex_wait(&word_, key | kArmed, timeout);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
    return (word_.load(std::memory_order_acquire) & ~kArmed) != key;
  }

  // Looks for a signal for a few microseconds without sleeping: whoever signals meanwhile saves the
  // system call. True when there was one.
  bool glance(std::uint32_t key) const;

  // Wakes all sleepers. Counting and disarming are one step: a disarming of its own could clear the
  // mark of a sleeper that has seen this signal already, and the next one would wake nobody. Until
  // one that was woken runs, tens of microseconds may pass: only the first signal makes the
  // system call.
  void signal() {
    std::uint32_t old = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(old, (old + kStep) & ~kArmed, std::memory_order_seq_cst)) {
    }
    if ((old & kArmed) != 0) futex_wake(&word_, 1 << 30);
  }
  // Wakes one sleeper of several; seq_cst: either the sleeper finds the new word, or we find it.
  void signal_one() {
    word_.fetch_add(kStep, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) futex_wake(&word_, 1);
  }

 private:
  static constexpr std::uint32_t kArmed = 1, kStep = 2;

  // Marks that somebody sleeps on `key`; false when that is over.
  bool arm(std::uint32_t key) {
    std::uint32_t seen = key;
    return word_.compare_exchange_strong(seen, key | kArmed, std::memory_order_seq_cst) ||
           seen == (key | kArmed);
  }

  // atomic: the count of signals above the bit kArmed
  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace msgq
