#include "transport/transport.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "msgq/error.h"

namespace msgq::transport {
namespace {

std::string moment(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1'000;
  std::tm parts{};
  std::array<char, 32> text{};
  gmtime_r(&seconds, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

}  // namespace

QueueFull::QueueFull(std::string name, std::uint64_t held, const QueueSettings& its,
                     std::vector<Duplicate> there)
    : Error(ErrorCode::kQueueFull, "queue '" + name + "' holds " + std::to_string(held) +
                                       " messages, at most " + std::to_string(its.length_max) +
                                       " are allowed (its max_length)"),
      queue(std::move(name)),
      room(its.length_max - std::min(its.length_max, held)),
      settings(its),
      duplicates(std::move(there)) {}

ClaimLost::ClaimLost(std::size_t number)
    : Error(ErrorCode::kLeaseLost,
            "the lease had ended; somebody else may be running it, and nothing was changed"),
      settle(number) {}

DuplicateRefused::DuplicateRefused(const Duplicate& duplicate, std::string_view id,
                                   bool refuses_same)
    : Error(refuses_same ? ErrorCode::kDuplicate : ErrorCode::kDedupConflict,
            "message " + duplicate.earlier.to_string() + " has the dedup id '" + std::string(id) +
                "'" + (refuses_same ? "" : " and another body") +
                "; nothing was enqueued or changed"),
      number(duplicate.number) {}

std::vector<AckFate> Look::bar(const std::vector<AckPlace>&) {
  throw Error(ErrorCode::kUnsupported,
              "no transaction of a user's own reaches this store; postgresql has them");
}

void apply(const DeadEdit& edit, StoredMessage& message) {
  if (edit.body) message.body = *edit.body;
  if (edit.headers) message.headers = *edit.headers;
  if (edit.redrives) message.renew();
}

void refuse_start(std::string_view queue, const Start& start, std::int64_t oldest_ms) {
  const std::string place = start.at == Start::At::kId
                                ? "message " + start.id.to_string()
                                : "what was sent at " + moment(start.time_ms);
  const std::string rest =
      oldest_ms == 0 ? "nothing is kept" : "what is kept begins at " + moment(oldest_ms);
  throw Error(ErrorCode::kNotFound,
              place + " is not kept for the subscriptions of queue '" + std::string(queue) +
                  "': " + rest +
                  "; begin at 'earliest', or set a longer retention of the queue for next time");
}

void refuse_send(std::string_view subscription, std::string_view queue) {
  throw Error(ErrorCode::kStoreRejected, "'" + std::string(subscription) +
                                             "' is a subscription, which only reads: send to '" +
                                             std::string(queue) + "'");
}

void refuse_rename(std::string_view subscription) {
  throw Error(ErrorCode::kConfigInvalid, "'" + std::string(subscription) +
                                             "' is a subscription: it has its name from its queue");
}

void refuse_taken(std::string_view name) {
  throw Error(ErrorCode::kConfigInvalid,
              "there is a queue named '" + std::string(name) + "' already; nothing was renamed");
}

std::string renamed(std::string_view queue, std::string_view its, std::string_view name) {
  std::string out(name);
  out += its.substr(queue.size());
  validate_queue_name(out);
  return out;
}

void refuse_seek(std::string_view queue) {
  throw Error(ErrorCode::kConfigInvalid,
              "queue '" + std::string(queue) +
                  "' is no subscription: what a plain queue handed out is gone; subscribe to it");
}

void check_change(std::string_view subscription, const QueueChange& change,
                  const QueueSettings& now) {
  QueueSettings then = now;
  change.apply(then);
  const bool is_fit = !then.is_topic && then.retention_ms == 0 &&
                      (then.length_max == 0 || then.overflow == Overflow::kDropOldest);
  if (is_fit) return;
  throw Error(ErrorCode::kConfigInvalid,
              "'" + std::string(subscription) +
                  "' is a subscription: it can be paused, and have a max_length with "
                  "overflow='drop_oldest'; set the rest of its queue");
}

void refuse_subscribe(std::string_view subscription, std::string_view queue) {
  throw Error(ErrorCode::kConfigInvalid, "'" + std::string(subscription) +
                                             "' is itself a subscription: subscribe to queue '" +
                                             std::string(queue) + "'");
}

void refuse_due(MessageId id, std::int64_t expires_ms) {
  throw Error(ErrorCode::kConfigInvalid,
              "the ttl of message " + id.to_string() + " ends at " + moment(expires_ms) +
                  ", before it would be due: it would never be run; nothing was rescheduled");
}

}  // namespace msgq::transport
