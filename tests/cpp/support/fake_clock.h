// A clock that stands still until a test moves it. All three times move together unless one is
// stepped on purpose.
//
// Threads: any.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace msgq::test {

class FakeClock final : public Clock {
 public:
  static constexpr std::int64_t kWallStartMs = 1'750'000'000'000;

  Nanos steady() override { return Nanos(steady_ns_.load()); }
  std::int64_t wall_ms() override { return kWallStartMs + step_ms_.load() + now_ms(); }
  std::int64_t boot_ms() override { return 1'000'000 + now_ms(); }

  void advance(Nanos by) { steady_ns_ += by.count(); }
  // Sets the wall clock forward or back, as an operator or NTP would.
  void step_wall(std::chrono::milliseconds by) { step_ms_ += by.count(); }

 private:
  std::int64_t now_ms() const { return steady_ns_.load() / 1'000'000; }

  // atomic: each number stands alone
  std::atomic<std::int64_t> steady_ns_{1'000'000'000};
  std::atomic<std::int64_t> step_ms_{0};
};

}  // namespace msgq::test
