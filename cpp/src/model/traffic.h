// Counters of one queue's traffic through this engine, and the book of them by name. Statistics are
// atomics; the hot path never locks for them.
//
// Threads: any; relaxed counters are exact once the threads that count have stopped.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "msgq/stats.h"

namespace msgq {

using Counter = std::atomic<std::uint64_t>;

inline void count(Counter& counter, std::uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

class AtomicHistogram {
 public:
  void record(Nanos span, std::uint64_t times = 1);
  Histogram snapshot() const;

 private:
  std::array<Counter, 64> buckets_{};
};

struct Traffic {
  explicit Traffic(std::string_view name) : queue(name) {}

  const std::string queue;
  // Its queue may refuse what it is sent: no receipt is settled before the store has answered.
  std::atomic<bool> is_bounded{false};
  // raised by producers, on cache lines of their own
  alignas(64) Counter enqueued{0};
  Counter dropped{0}, in_flight{0};
  // raised by the writer
  alignas(64) Counter persisted{0};
  Counter failed{0}, duplicates{0};
  Counter claimed{0}, done{0}, retried{0}, snoozed{0}, dead{0}, expired{0}, lost{0}, held{0};
  AtomicHistogram enqueue_ns, handle_ns, age_ns;

  QueueTraffic snapshot() const;
};

class TrafficBook {
 public:
  TrafficBook();
  // Finds or makes the entry; validates a new name. Lock-free when this thread asked for the same
  // name last time.
  Traffic& find(std::string_view queue);
  std::vector<QueueTraffic> snapshot();

 private:
  const std::uint64_t serial_;  // tells books apart in the threads' caches
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<Traffic>, std::less<>> entries_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace msgq
