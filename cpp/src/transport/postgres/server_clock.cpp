#include "transport/postgres/server_clock.h"

namespace msgq::transport::postgres {
namespace {

// An answer that was longer under way is used only where nothing better is known. A guess: it is
// off by half a second then, and who gives a ttl thinks of seconds.
constexpr std::int64_t kWayMax = 1'000;

}  // namespace

bool ServerClock::compare(const std::function<std::int64_t()>& ask) {
  const std::int64_t before = clock_.boot_ms();
  const std::int64_t there = ask();
  const std::int64_t way = clock_.boot_ms() - before;
  if (way > kWayMax && way_ms_ >= 0 && way >= way_ms_) return false;
  way_ms_ = way;
  ahead_ms_.store(there - (before + way / 2), std::memory_order_relaxed);
  return true;
}

}  // namespace msgq::transport::postgres
