// What a session knows of the queues that are sent to: that they are there, and what is set of
// them.
#include <algorithm>

#include "msgq/error.h"
#include "transport/postgres/session.h"

namespace msgq::transport::postgres {
namespace {

// How old what is known of the settings of queues that are sent to may be.
constexpr Nanos kDirectoryAge = std::chrono::milliseconds(800);

}  // namespace

// Whoever only sends hears of no version: it looks now and then.
bool PostgresSession::knows_directory() const {
  return !directory_.is_stale() && altered_ == parts_.presence.altered() &&
         parts_.clock.steady() - directory_at_ < kDirectoryAge;
}

void PostgresSession::prepare_queues(const Exchange& in) {
  const bool sends = !in.appends.empty() || !in.parks.empty();
  if (sends && !knows_directory()) {
    altered_ = parts_.presence.altered();
    if (!directory_.is_stale())
      directory_.note_version(connection_->call("directory_version").integer(0, 0));
    directory_at_ = parts_.clock.steady();
  }
  directory_.refresh(*connection_);
  for (const auto& each : in.appends)
    directory_.make(*connection_, each.queue, parts_.rules.strict_queues, each.band);
  for (const auto& each : in.parks)
    directory_.make(*connection_, each.queue, parts_.rules.strict_queues);
  // One may have gone while another was made.
  const auto check = [&](const std::string& queue, std::uint8_t band) {
    if (!directory_.can_append(queue, band))
      throw Error(ErrorCode::kStoreUnavailable, "queue '" + queue + "' was deleted meanwhile");
  };
  for (const auto& each : in.appends) check(each.queue, each.band);
  for (const auto& each : in.parks) check(each.queue, kPriorityNormal);
}

// Which queue it was, as it is now. Where none is full any more it is simply tried again.
void PostgresSession::tell_full(const Exchange& in) {
  ask_first([&] {
    directory_.forget();
    directory_.refresh(*connection_);
    const auto duplicates = once_.duplicates();
    Exchange fresh = without(in, duplicates);
    fresh.settles = in.settles;
    for (const auto& [name, growth] : growth_of(fresh, directory_)) {
      const Queue* queue = directory_.find(name);
      if (queue == nullptr || queue->settings.length_max == 0) continue;
      Params params;
      params.small(queue->subscription);
      params.flag(queue->settings.overflow == Overflow::kDropOldest);
      const std::int64_t held = connection_->call("length_of", params).integer(0, 0) - growth.ended;
      const auto known = static_cast<std::uint64_t>(std::max<std::int64_t>(held, 0));
      if (held + growth.brought > static_cast<std::int64_t>(queue->settings.length_max))
        throw QueueFull(queue->name, known, queue->settings, duplicates);
    }
  });
  throw Error(ErrorCode::kQueueFull, "a queue was full a moment ago");
}

}  // namespace msgq::transport::postgres
