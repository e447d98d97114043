#include "base/clock.h"

#include <ctime>

namespace msgq {
namespace {

std::int64_t read_ns(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  Nanos steady() override { return Nanos(read_ns(CLOCK_MONOTONIC)); }
  std::int64_t wall_ms() override { return read_ns(CLOCK_REALTIME) / 1'000'000; }
  std::int64_t boot_ms() override { return read_ns(CLOCK_BOOTTIME) / 1'000'000; }
};

}  // namespace

Clock& system_clock() {
  // never destroyed: threads still read it while the process exits
  static Clock& clock = *new SystemClock;
  return clock;
}

}  // namespace msgq
