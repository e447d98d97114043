// How the connections of one process are made, and what they share: how many there are, which host
// of the URL served last, and until when anybody may wait for the server.
//
// Threads: a spec is a plain value; what it shares is atomic.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "msgq/config.h"

namespace msgq::transport::postgres {

// Counts the connections of a process.
class Tally {
 public:
  void opened() {
    open_.fetch_add(1, std::memory_order_relaxed);
    made_.fetch_add(1, std::memory_order_relaxed);
    if (missing_.exchange(false, std::memory_order_relaxed))
      made_again_.fetch_add(1, std::memory_order_relaxed);
  }
  void closed(bool was_lost) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    if (was_lost) missing_.store(true, std::memory_order_relaxed);
  }
  std::uint64_t open() const { return open_.load(std::memory_order_relaxed); }
  std::uint64_t made() const { return made_.load(std::memory_order_relaxed); }
  // Of those made, how many came after one was lost.
  std::uint64_t made_again() const { return made_again_.load(std::memory_order_relaxed); }

 private:
  // atomic (figures for people)
  std::atomic<std::uint64_t> open_{0}, made_{0}, made_again_{0};
  std::atomic<bool> missing_{false};
};

// Until when anybody waits for the server; for ever, until the process closes.
class Curfew {
 public:
  void set(Nanos until) { until_.store(until.count(), std::memory_order_release); }
  Nanos clip(Nanos until) const {
    return std::min(until, Nanos(until_.load(std::memory_order_acquire)));
  }

 private:
  // atomic (set once, looked at in slices)
  std::atomic<Nanos::rep> until_{kNever.count()};
};

struct Shared {
  Tally tally;
  Curfew curfew;
  std::atomic<std::size_t> host{0};  // the place in the URL of the host that served last
};

struct ConnectionSpec {
  std::string dsn;                                   // libpq's URI or keywords
  std::string schema;                                // a plain lower-case name
  std::string role;                                  // of this connection, for application_name
  std::chrono::milliseconds connect_timeout{5'000};  // for each host
  std::chrono::milliseconds silence_max{20'000};  // a server that says nothing for so long is gone
  std::chrono::milliseconds max_age{0};           // made anew at the next use; 0: never
  std::chrono::milliseconds health_interval{30'000};  // unused for so long: tried before use
  Pooler pooler = Pooler::kAuto;
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
};

}  // namespace msgq::transport::postgres
