#include "msgq/config.h"

#include "msgq/error.h"

namespace msgq {
namespace {

// Gathers every complaint, so that one run shows all of them.
class Complaints {
 public:
  template <typename T>
  void range(const char* name, T value, T low, T high) {
    if (value < low || value > high)
      add(std::string(name) + " is " + std::to_string(value) + ", allowed are " +
          std::to_string(low) + " to " + std::to_string(high));
  }
  void range(const char* name, Config::Millis value, std::int64_t low, std::int64_t high) {
    range<std::int64_t>((std::string(name) + " (ms)").c_str(), value.count(), low, high);
  }
  void require(bool holds, const char* what) {
    if (!holds) add(what);
  }
  void raise() const {
    if (!text_.empty()) throw Error(ErrorCode::kConfigInvalid, text_);
  }

 private:
  void add(const std::string& what) { text_ += (text_.empty() ? "" : "; ") + what; }
  std::string text_;
};

constexpr std::int64_t kDayMs = 86'400'000;

}  // namespace

void Config::validate() const {
  Complaints c;
  c.require(scheme == "memory" || scheme == "sqlite" || scheme == "postgresql",
            "scheme must be memory, sqlite or postgresql");
  c.require(scheme != "sqlite" || !path.empty(), "path of the store's file is empty");
  c.require(scheme != "postgresql" || !dsn.empty(), "dsn of the server is empty");
  c.range("connect_timeout", connect_timeout, 100, kDayMs);
  c.range<std::uint32_t>("lanes", lanes, 1, 64);
  c.range("read_staleness_max", read_staleness_max, 1'000, kDayMs);
  c.range<std::uint32_t>("writers", writers, 1, 2);
  c.range<std::uint32_t>("pool_size", pool_size, 3, 1'000);
  c.require(pool_size >= writers + 2,
            "pool_size is below writers + 2: one connection is for presence, one for looks");
  c.range("pool_wait", pool_wait, 1, kDayMs);
  c.range("idle_timeout", idle_timeout, 0, 366 * kDayMs);
  c.range("max_age", max_age, 0, 366 * kDayMs);
  c.range("health_interval", health_interval, 0, 366 * kDayMs);
  c.range<std::uint64_t>("inflight_count_max", inflight_count_max, 1, 100'000'000);
  c.range<std::uint64_t>("inflight_bytes_max", inflight_bytes_max, 1 << 10, 1ull << 40);
  c.range("overflow_wait", overflow_wait, 0, kDayMs);
  c.range("enqueue_timeout", enqueue_timeout, 1, kDayMs);
  c.range("linger", linger, 0, 60'000);
  c.range<std::uint32_t>("batch_count_max", batch_count_max, 1, 10'000);
  c.range<std::uint64_t>("batch_bytes_max", batch_bytes_max, 1 << 10, 64 << 20);
  c.range<std::uint32_t>("flush_count_max", flush_count_max, 1, 1'000);
  c.range<std::uint64_t>("message_bytes_max", message_bytes_max, 1, 1ull << 30);
  c.require(message_bytes_max <= inflight_bytes_max,
            "message_bytes_max is over inflight_bytes_max: such a message could never be admitted");
  c.range("lease", lease, 100, kDayMs);
  c.range("lease_max", lease_max, 100, 365 * kDayMs);
  c.require(lease <= lease_max, "lease is longer than lease_max");
  c.range<std::uint32_t>("claim_size", claim_size, 0, 1'000'000);
  c.range<std::uint32_t>("prefetch", prefetch, 0, 1'000'000);
  c.range<std::uint32_t>("crashes_max", crashes_max, 1, 1'000);
  c.range("dead_retention", dead_retention, 0, 366 * kDayMs);
  c.range("priority_aging", priority_aging, 0, kDayMs);
  c.range("poll_min", poll_min, 1, 60'000);
  c.range("poll_max", poll_max, 1, kDayMs);
  c.require(poll_min <= poll_max, "poll_min is longer than poll_max");
  c.range("busy_timeout", busy_timeout, 1, kDayMs);
  c.raise();
}

}  // namespace msgq
