// The three times the core knows, behind one interface: steady (waiting and measuring), wall (due
// times, ids), boot (leases shared between processes of one machine; runs on during suspend).
//
// Threads: every implementation may be asked from any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace msgq {

using Nanos = std::chrono::nanoseconds;
inline constexpr Nanos kNever = Nanos::max();

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Nanos steady() = 0;
  virtual std::int64_t wall_ms() = 0;
  virtual std::int64_t boot_ms() = 0;
};

// The machine's clocks.
Clock& system_clock();
inline Nanos steady_now() { return system_clock().steady(); }

}  // namespace msgq
