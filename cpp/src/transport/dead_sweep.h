// When a session removes dead letters that are older than they are kept, and how many at a time:
// few enough that nobody waits for them long.
//
// Threads: that of the session.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace msgq::transport {

class DeadSweep {
 public:
  // 0: they are kept.
  explicit DeadSweep(std::int64_t kept_ms) : kept_ms_(kept_ms) {}

  // Calls `step(age in ms, at most so many)` when it is time; it says how many it removed. When to
  // call again; zero: at once; kNever: never.
  template <typename Step>
  Nanos run(Nanos now, Step step) {
    if (kept_ms_ == 0) return kNever;
    if (now < next_at_) return next_at_;
    next_at_ = now + std::min<Nanos>(kGapMax, std::chrono::milliseconds(kept_ms_));
    if (step(kept_ms_, kPerStep) < kPerStep) return next_at_;
    next_at_ = now;
    return Nanos::zero();
  }

 private:
  // Guesses: some milliseconds a step; and a minute more is nothing to letters kept for days.
  static constexpr std::uint32_t kPerStep = 1'000;
  static constexpr Nanos kGapMax = std::chrono::minutes(1);

  const std::int64_t kept_ms_;  // fixed after construction
  // only the session's thread
  Nanos next_at_{0};
};

}  // namespace msgq::transport
