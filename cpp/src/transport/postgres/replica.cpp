#include "transport/postgres/replica.h"

#include <utility>

#include "msgq/error.h"
#include "transport/sql_text.h"

namespace msgq::transport::postgres {
namespace {

// A replica that was away or too old is asked again no sooner.
constexpr Nanos kRetryGap = std::chrono::seconds(1);

std::string seconds(std::int64_t ms) {
  return std::to_string(ms / 1'000) + "." + std::to_string(ms % 1'000 / 100) + " s";
}

// The queue or the place is wrong, not the replica; or new, and not there yet.
bool is_about_question(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kConfigInvalid;
}

}  // namespace

ReplicaLook::ReplicaLook(ReplicaParts parts, Look& primary)
    : parts_(std::move(parts)),
      primary_(primary),
      pool_(parts_.spec, parts_.pool, parts_.clock, parts_.log),
      replica_(pool_, parts_.clock, parts_.test_only_before) {}

template <typename Ask>
auto ReplicaLook::ask(Ask ask) {
  if (is_usable()) {
    try {
      return ask(static_cast<Look&>(replica_));
    } catch (const Error& error) {
      if (!is_about_question(error)) {
        MutexLock lock(mutex_);
        become(State::kAway, error.what());
      }
    }
  }
  return ask(primary_);
}

bool ReplicaLook::is_usable() {
  MutexLock lock(mutex_);
  if (state_ != State::kUsed && parts_.clock.steady() < retry_at_) return false;
  try {
    lag_ms_ = read_lag();
  } catch (const Error& error) {
    become(State::kAway, error.what());
    return false;
  }
  if (!lag_ms_ || *lag_ms_ > parts_.staleness_max.count()) {
    become(State::kStale, lag_ms_ ? "it is " + seconds(*lag_ms_) + " behind, at most " +
                                        seconds(parts_.staleness_max.count()) +
                                        " are allowed (read_staleness_max)"
                                  : "it has replayed nothing yet");
    return false;
  }
  become(State::kUsed, "it is " + seconds(*lag_ms_) + " behind");
  return true;
}

// Null before the first replayed commit.
std::optional<std::int64_t> ReplicaLook::read_lag() {
  return pool_.with([](Connection& connection) -> std::optional<std::int64_t> {
    const Rows rows = connection.ask("replay_lag", sql::postgres::kReplayLag);
    if (rows.is_null(0, 0)) return std::nullopt;
    return rows.integer(0, 0);
  });
}

// A line when looks go elsewhere than before; the first are meant for the replica.
void ReplicaLook::become(State state, const std::string& why) {
  const State before = std::exchange(state_, state);
  if (state == State::kAway) pool_.drop_idle();  // its sessions are gone, or in doubt
  if (state != State::kUsed) {
    lag_ms_.reset();
    retry_at_ = parts_.clock.steady() + kRetryGap;
  }
  const bool was_used = before == State::kUsed || before == State::kUnknown;
  if (was_used == (state == State::kUsed)) return;
  if (state == State::kUsed)
    parts_.log.write(LogLevel::kInfo, "looks go to the replica again: " + why);
  else
    parts_.log.write(LogLevel::kWarning, "looks go to the primary, not to the replica: " + why);
}

std::vector<QueueDepth> ReplicaLook::depth() {
  return ask([](Look& look) { return look.depth(); });
}

std::vector<FoundMessage> ReplicaLook::peek(std::string_view queue, std::string_view after,
                                            std::uint32_t limit) {
  return ask([&](Look& look) { return look.peek(queue, after, limit); });
}

std::optional<FoundMessage> ReplicaLook::find(std::string_view queue, MessageId id) {
  auto found = ask([&](Look& look) { return look.find(queue, id); });
  return found ? found : primary_.find(queue, id);
}

std::vector<FoundMessage> ReplicaLook::dead(std::string_view queue, std::string_view after,
                                            std::uint32_t limit) {
  return ask([&](Look& look) { return look.dead(queue, after, limit); });
}

std::uint64_t ReplicaLook::store_bytes() {
  return ask([](Look& look) { return look.store_bytes(); });
}

std::optional<std::int64_t> ReplicaLook::lag_ms() {
  MutexLock lock(mutex_);
  return lag_ms_;
}

void ReplicaLook::end_within(Nanos most) {
  const Nanos now = steady_now();
  parts_.spec.shared->curfew.set(most >= kNever - now ? kNever : now + most);
  pool_.close();
}

}  // namespace msgq::transport::postgres
